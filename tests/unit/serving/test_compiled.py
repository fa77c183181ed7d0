"""What engines compiled: kept whole or not at all, brought back whole or not at all."""

import os
import threading
import time
from pathlib import Path

import pytest

from deepseek_serving.engine import compiled
from deepseek_serving.engine.compiled import CURRENT, NotKept

KEY = "0123456789abcdef0123"
HOUR, DAY = 3600.0, 24 * 3600.0

Files = dict[str, bytes]

KERNELS: Files = {"triton/a1/kernel.cubin": b"\0\1" * 500, "vllm/torch_compile_cache/x.py": b"x"}
MORE: Files = {**KERNELS, "triton/b2/kernel.cubin": b"\2" * 10}


def write(root: Path, files: Files) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def read(root: Path) -> Files:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    place = tmp_path / "store"
    place.mkdir()
    return place


def kept(store: Path) -> Files | None:
    """What the next pod gets."""
    target = store.with_name(f"pod-{time.monotonic_ns()}")
    return None if compiled.restore(store, KEY, target) is None else read(target)


def test_what_one_pod_compiled_the_next_one_has(store: Path, tmp_path: Path) -> None:
    first = write(tmp_path / "first", KERNELS)

    copied = compiled.publish(store, KEY, first, owner="first")

    assert (copied.files, copied.size) == (2, 1001)
    assert str(copied) == "2 files, 0.0 MiB"
    assert kept(store) == KERNELS


def test_under_another_key_there_is_nothing(store: Path, tmp_path: Path) -> None:
    compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")

    assert compiled.restore(store, "another", tmp_path / "second") is None
    assert read(tmp_path / "second") == {}


@pytest.mark.parametrize("content", [{}, {"empty.lock": b""}], ids=["none", "only-locks"])
def test_nothing_is_published_where_nothing_was_compiled(
    store: Path, tmp_path: Path, content: Files
) -> None:
    source = write(tmp_path / "first", content)
    source.mkdir(exist_ok=True)

    with pytest.raises(NotKept, match="nothing was compiled"):
        compiled.publish(store, KEY, source, owner="first")

    assert list(store.iterdir()) == []


def test_what_is_kept_already_is_not_copied_again_but_marked_as_used(
    store: Path, tmp_path: Path
) -> None:
    first = write(tmp_path / "first", MORE)
    compiled.publish(store, KEY, first, owner="first")
    current = store / KEY / CURRENT
    os.utime(current, (0, 0))

    second = write(tmp_path / "second", {**KERNELS, "x.lock": b""})
    with pytest.raises(NotKept, match="kept already"):
        compiled.publish(store, KEY, second, owner="second")

    assert current.stat().st_mtime > 0
    assert kept(store) == MORE


def test_what_was_compiled_beyond_it_replaces_it_and_the_old_one_stays_for_its_readers(
    store: Path, tmp_path: Path
) -> None:
    compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")
    old = store / KEY / (store / KEY / CURRENT).read_text()
    os.utime(old, (0, 0))

    compiled.publish(store, KEY, write(tmp_path / "second", MORE), owner="second")

    assert kept(store) == MORE
    assert compiled.prune(store) == []
    assert compiled.prune(store, now=time.time() + HOUR + 60) == [f"{KEY}/{old.name}"]
    assert kept(store) == MORE


def test_a_key_that_no_pod_has_used_for_a_month_goes(store: Path, tmp_path: Path) -> None:
    compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")

    assert compiled.prune(store, now=time.time() + 29 * DAY) == []
    assert compiled.prune(store, now=time.time() + 31 * DAY) == [KEY]
    assert list(store.iterdir()) == []


def test_a_writer_that_was_killed_leaves_nothing_that_is_read(store: Path, tmp_path: Path) -> None:
    write(store / KEY / ".killed", KERNELS)

    assert kept(store) is None
    compiled.publish(store, KEY, write(tmp_path / "first", MORE), owner="first")
    assert kept(store) == MORE
    assert compiled.prune(store, now=time.time() + HOUR + 60) == [f"{KEY}/.killed"]


def test_a_killed_writers_own_remains_do_not_stop_it(store: Path, tmp_path: Path) -> None:
    write(store / KEY / ".first", {"half": b"?"})

    compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")

    assert kept(store) == KERNELS


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"triton/a1/kernel.cubin": b"\0"}, id="cut"),
        pytest.param({"triton/a1/kernel.cubin": b"\1\0" * 500}, id="other-bytes"),
        pytest.param({"more": b"?"}, id="one-more"),
    ],
)
def test_a_snapshot_that_is_not_what_it_was_is_not_used(
    store: Path, tmp_path: Path, damage: Files
) -> None:
    compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")
    write(store / KEY / (store / KEY / CURRENT).read_text(), damage)

    with pytest.raises(ValueError, match="does not hold what its name says"):
        compiled.restore(store, KEY, tmp_path / "second")

    assert read(tmp_path / "second") == {}


def test_a_pointer_to_nothing_is_not_followed(store: Path, tmp_path: Path) -> None:
    write(store / KEY, {CURRENT: b"gone"})

    with pytest.raises(ValueError, match="does not hold what its name says"):
        compiled.restore(store, KEY, tmp_path / "second")


def test_a_link_is_neither_kept_nor_followed(store: Path, tmp_path: Path) -> None:
    secret = write(tmp_path, {"secret": b"s"}) / "secret"
    first = write(tmp_path / "first", KERNELS)
    (first / "link").symlink_to(secret)
    (first / "folder").symlink_to(tmp_path)

    compiled.publish(store, KEY, first, owner="first")

    assert kept(store) == KERNELS


def test_two_pods_that_publish_at_once_leave_one_whole_snapshot(
    store: Path, tmp_path: Path
) -> None:
    sources = [write(tmp_path / f"pod-{number}", KERNELS) for number in range(8)]
    barrier = threading.Barrier(len(sources))

    def run(source: Path) -> None:
        barrier.wait()
        try:
            compiled.publish(store, KEY, source, owner=source.name)
        except NotKept:
            return

    threads = [threading.Thread(target=run, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kept(store) == KERNELS
    snapshots = [path for path in (store / KEY).iterdir() if path.is_dir()]
    assert len(snapshots) == 1


def test_readers_meet_a_whole_snapshot_while_writers_replace_it(
    store: Path, tmp_path: Path
) -> None:
    growing: list[Files] = [
        {f"kernel-{number}": bytes([number]) * 1000 for number in range(count)}
        for count in range(1, 12)
    ]
    compiled.publish(store, KEY, write(tmp_path / "pod-0", growing[0]), owner="pod-0")

    def grow() -> None:
        for number, files in enumerate(growing[1:], start=1):
            source = write(tmp_path / f"pod-{number}", files)
            compiled.publish(store, KEY, source, owner=source.name)

    writer = threading.Thread(target=grow)
    writer.start()
    seen: list[Files | None] = []
    while writer.is_alive():
        seen.append(kept(store))
    writer.join()

    assert seen
    assert all(files in growing for files in seen)
    assert kept(store) == growing[-1]


def test_half_of_what_is_free_stays_free(store: Path, tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"kernel": b"x" * (3 << 20)})

    with pytest.raises(NotKept, match=r"3 MiB were compiled .* 5 MiB free.*raise cache\.size"):
        compiled.publish(store, KEY, first, owner="first", free=lambda _: 5 << 20)

    assert kept(store) is None
    compiled.publish(store, KEY, first, owner="first", free=lambda _: 6 << 20)
    assert kept(store) == read(first)


def test_a_volume_that_cannot_be_written_is_an_error_of_the_system(
    store: Path, tmp_path: Path
) -> None:
    store.rmdir()
    store.write_text("no directory")

    with pytest.raises(OSError, match=str(store)):
        compiled.publish(store, KEY, write(tmp_path / "first", KERNELS), owner="first")


def device(root: Path, number: int, **files: str) -> None:
    write(
        root / f"sys/bus/pci/devices/{number}",
        {name: f"{text}\n".encode() for name, text in files.items()},
    )


H200 = {"vendor": "0x10de", "class": "0x030200", "device": "0x2335", "subsystem_device": "0x18be"}
NETWORK = {"vendor": "0x10de", "class": "0x020000", "device": "0x1", "subsystem_device": "0x2"}
CPU = "processor\t: 0\nvendor_id\t: A\nflags\t\t: {flags}\ncpu MHz\t\t: {mhz}\n\nprocessor\t: 1\n"


def cpu(root: Path, *, flags: str = "avx2", mhz: str = "2000") -> Path:
    return write(root, {"proc/cpuinfo": CPU.format(flags=flags, mhz=mhz).encode()})


def test_code_for_one_gpu_is_not_that_for_another(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for root in (one, same, other):
        cpu(root, mhz=root.name)
        device(root, 0, **H200)
        device(root, 1, **NETWORK)
    device(same, 1, **{**NETWORK, "device": "0x9"})
    device(other, 0, **{**H200, "device": "0x2330"})

    assert compiled.hardware(one) == compiled.hardware(same)
    assert compiled.hardware(one) != compiled.hardware(other)
    assert "0x2335" in compiled.hardware(one)


def test_another_driver_is_another_machine(tmp_path: Path) -> None:
    device(tmp_path, 0, **H200)
    before = compiled.hardware(tmp_path)
    write(tmp_path, {"proc/driver/nvidia/version": b"NVRM version: 580.1"})

    assert compiled.hardware(tmp_path) != before


def test_without_a_gpu_the_cpu_counts_but_not_its_speed(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))

    assert compiled.hardware(cpu(one)) == compiled.hardware(cpu(same, mhz="3000"))
    assert compiled.hardware(cpu(one)) != compiled.hardware(cpu(other, flags="avx2 avx512f"))


def test_this_machine_has_a_name(tmp_path: Path) -> None:
    assert len(compiled.hardware()) > len(compiled.hardware(tmp_path))


def test_a_key_tells_revisions_and_machines_apart() -> None:
    keys = {compiled.full_key(*pair) for pair in (("a", "x"), ("b", "x"), ("a", "y"))}

    assert len(keys) == 3
    assert all(len(key) == 20 for key in keys)
