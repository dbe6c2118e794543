"""Runs a WebAssembly program of WASI with arguments, as the runner of ``cargo test --target wasm32-wasip1``."""

import sys
import tempfile

from wasmtime import Engine, ExitTrap, Linker, Module, Store, WasiConfig


def main() -> int:
    engine = Engine()
    linker = Linker(engine)
    linker.define_wasi()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.argv = sys.argv[1:]
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    with tempfile.TemporaryDirectory() as folder:
        wasi.preopen_dir(folder, "/tmp")
        store.set_wasi(wasi)
        start = linker.instantiate(store, Module.from_file(engine, sys.argv[1])).exports(store)["_start"]
        try:
            start(store)
        except ExitTrap as end:
            return end.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
