"""What is mounted, as the kernel tells it."""

from pathlib import Path

from dev import mounts

TABLE = """\
22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
30 28 0:31 / /var/lib/x/with\\040space rw - tmpfs tmpfs rw
31 28 0:32 / /var/lib/x/back\\134slash rw shared:9 master:1 - tmpfs tmpfs rw
32 28 0:33 / /var/lib/x/größe rw - tmpfs tmpfs rw
"""


def test_mount_points_are_read_as_they_are_called() -> None:
    assert mounts.points(TABLE) == [
        "/sys",
        "/var/lib/x/with space",
        "/var/lib/x/back\\slash",
        "/var/lib/x/größe",
    ]


def test_nothing_is_mounted_below_a_new_folder(tmp_path: Path) -> None:
    assert mounts.below(tmp_path) == []
    assert "/proc" in mounts.below(Path("/"))
