"""Files that programs watch while they run."""

from pathlib import Path


def write(file: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all; one that holds the text already is not touched.

    kube-proxy ends when its configuration is written, be it with what it was (cmd/kube-proxy/app/server.go:
    "content of the proxy server's configuration file was updated").
    """
    if file.is_file() and file.read_text() == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.new")
    unfinished.touch(mode=mode)
    unfinished.write_text(text)
    unfinished.replace(file)
