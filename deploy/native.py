"""`make native`: compiles the exchange core with mypyc, so that it runs about twice as fast. Optional.

Without a C compiler or without mypy (a test package) it says so and succeeds: the sources run as they are. What was
compiled is kept by the fingerprint of the sources, so nothing is compiled twice and nothing that does not fit is used.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
os.environ["COUNTERWEIGHT_NATIVE"] = "0"  # what is being compiled must not be loaded compiled

from common import native  # noqa: E402


def main() -> None:
    """Compile into the folder named by the first argument, or into the one that every process looks into.

    A second argument is the compiler's level of optimisation: `0` for whoever only wants to see that it works.
    """
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else native.home() / native.fingerprint()
    if folder.is_dir():
        print(f"The exchange core is compiled already: {folder}")
    elif missing := _missing():
        print(f"The exchange core stays interpreted: {missing}. Everything works without; it is only slower.")
    else:
        print("compiling the exchange core, which takes about a minute", flush=True)
        compile_into(folder, sys.argv[2] if len(sys.argv) > 2 else "3")
        print(f"compiled into {folder}")


def compile_into(folder: Path, opt_level: str) -> None:
    """Compile all modules of `native.COMPILED` as one group, whose calls among each other are calls in C."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        os.chdir(PROJECT)
        sources = [f"common/exchange/{name.replace('.', '/')}.py" for name in native.COMPILED]
        options = ["--no-incremental", f"--config-file={PROJECT / 'pyproject.toml'}"]
        extensions = mypycify([*options, *sources], target_dir=f"{scratch}/c", opt_level=opt_level, debug_level="0")
        for extension in extensions:
            # Nobody puts other functions in the place of ours, so calls within the library need no table.
            extension.extra_compile_args.append("-fno-semantic-interposition")
        command = build_ext(Distribution({"name": "counterweight-native", "ext_modules": extensions}))
        command.build_lib, command.build_temp, command.parallel = f"{scratch}/lib", f"{scratch}/o", os.cpu_count()
        command.ensure_finalized()
        command.run()
        flat = Path(scratch) / "flat"
        flat.mkdir()
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        for path in Path(command.build_lib).rglob(f"*{suffix}"):
            module = ".".join(path.relative_to(command.build_lib).parts).removesuffix(suffix)
            shutil.move(path, flat / f"{module}{suffix}")
        flat.rename(folder)  # all of it is there, or nothing


def _missing() -> str:
    try:
        import mypyc  # noqa: F401
    except ImportError:
        return "mypy is not installed (`make test` brings it)"
    compiler = os.environ.get("CC", sysconfig.get_config_var("CC") or "cc").split()[0]
    return "" if shutil.which(compiler) else f"there is no C compiler (looked for {compiler})"


if __name__ == "__main__":
    main()
