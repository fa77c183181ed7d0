"""Let a CUDA build of torch load without CUDA's libraries: `without_cuda.py SITE_PACKAGES`.

Torch's libraries name NVIDIA's (2.6 GB) as needed, so the loader refuses to start without them, although a CPU never
calls one. Each is replaced by a tiny shared library of the same name. A function in it returns 1, an error in every
one of NVIDIA's interfaces. Only the symbols that torch takes the address of must exist; all are given.
"""

import re
import struct
import sys
from pathlib import Path

STAND_INS = (
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcudnn.so.9",
    "libcufft.so.12",
    "libcufile.so.0",
    "libcurand.so.10",
    "libcusolver.so.12",
    "libcusparse.so.12",
    "libcusparseLt.so.0",
    "libnccl.so.2",
    "libnvrtc.so.13",
    "libnvshmem_host.so.3",
)

HOLDS_FUNCTIONS = "libnccl.so.2"
"""The loader searches symbols in all libraries, and only in this one are torch's not bound to a version.

A symbol bound to a version may not be found in an unversioned library of the very name it is bound to.
"""

FUNCTION = re.compile(
    rb"\0((?:cublas|cudnn|cufft|cuFile|curand|cusolver|cusparse|nccl|nvrtc|nvshmem)\w+)(?=\0)"
)

RETURN_ONE = bytes.fromhex("b801000000c3")  # mov eax, 1; ret
ELF_HEADER, PROGRAM_HEADER, SYMBOL, PAGE = 64, 56, 24, 4096
LOAD, DYNAMIC = 1, 2
HASH, STRINGS, SYMBOLS, STRINGS_SIZE, SYMBOL_SIZE, SONAME = 4, 5, 6, 10, 11, 14


def wanted(library: bytes) -> set[str]:
    """Names of NVIDIA's functions in a library's string table: more than are linked, which is harmless."""
    return {name.decode() for name in FUNCTION.findall(library)}


def stand_in(soname: str, functions: list[str]) -> bytes:
    """A 64-bit x86 ELF shared library in which every function is the same one."""
    strings = f"\0{soname}\0".encode()
    names = []
    for function in functions:
        names.append(len(strings))
        strings += function.encode() + b"\0"
    hashes = hash_table(len(names))
    symbols_at = ELF_HEADER + 3 * PROGRAM_HEADER + len(hashes)
    strings_at = symbols_at + SYMBOL * (len(names) + 1)
    code_at = strings_at + len(strings)
    code_end = code_at + len(RETURN_ONE)
    dynamic_at = code_end + -code_end % PAGE
    symbols = bytes(SYMBOL) + b"".join(
        struct.pack("<IBBHQQ", name, 0x12, 0, 1, code_at, len(RETURN_ONE)) for name in names
    )
    dynamic = dynamic_section(symbols_at - len(hashes), strings_at, symbols_at, len(strings))
    headers = elf_header() + (
        program_header(LOAD, 5, 0, code_end, PAGE)
        + program_header(LOAD, 6, dynamic_at, len(dynamic), PAGE)
        + program_header(DYNAMIC, 6, dynamic_at, len(dynamic), 8)
    )
    body = headers + hashes + symbols + strings + RETURN_ONE
    return body.ljust(dynamic_at, b"\0") + dynamic


def hash_table(functions: int) -> bytes:
    """The loader's index of symbols: one bucket, in which each symbol points to the next."""
    count = functions + 1
    chain = [number + 1 if 0 < number < functions else 0 for number in range(count)]
    table = struct.pack(f"<{3 + count}I", 1, count, min(1, functions), *chain)
    return table + bytes(-len(table) % 8)


def dynamic_section(hashes: int, strings: int, symbols: int, strings_size: int) -> bytes:
    """What the loader reads first: where everything is, and the library's name."""
    entries = (
        (SONAME, 1),
        (HASH, hashes),
        (STRINGS, strings),
        (SYMBOLS, symbols),
        (STRINGS_SIZE, strings_size),
        (SYMBOL_SIZE, SYMBOL),
        (0, 0),
    )
    return b"".join(struct.pack("<QQ", *entry) for entry in entries)


def elf_header() -> bytes:
    """64 bit, little endian, shared object, x86-64, three program headers, no sections."""
    fields = (3, 62, 1, 0, ELF_HEADER, 0, 0, ELF_HEADER, PROGRAM_HEADER, 3, 64, 0, 0)
    return b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", *fields)


def program_header(kind: int, flags: int, offset: int, size: int, alignment: int) -> bytes:
    """A part of the file that is mapped at its own offset."""
    return struct.pack("<IIQQQQQQ", kind, flags, offset, offset, offset, size, size, alignment)


def main() -> None:
    """Write the stand-ins beside torch's own libraries, where torch searches too."""
    libraries = Path(sys.argv[1]) / "torch" / "lib"
    functions: set[str] = set()
    for library in libraries.glob("lib*.so"):
        functions |= wanted(library.read_bytes())
    for soname in STAND_INS:
        given = sorted(functions) if soname == HOLDS_FUNCTIONS else []
        (libraries / soname).write_bytes(stand_in(soname, given))
    print(f"{len(functions)} functions of {len(STAND_INS)} libraries stand in for CUDA's")


if __name__ == "__main__":
    main()
