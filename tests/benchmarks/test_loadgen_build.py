"""How the load generator is compiled, and that its histogram is as exact as it says."""

import ctypes
import math
import os
import random
import subprocess
from pathlib import Path

import pytest

from benchmarks.loadgen import build
from tests.support.loadgen import require_compiler

require_compiler()


def test_it_is_compiled_once() -> None:
    """A program that is younger than its sources is not compiled again."""
    program = build.build()
    before = program.stat().st_mtime_ns
    assert build.build() == program
    assert program.stat().st_mtime_ns == before


def test_it_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is younger than the program replaces it."""
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    monkeypatch.setattr(build, "BUILT", tmp_path / "made" / "loadgen")
    program = build.build()
    os.utime(program, (0, 0))
    assert build.build() == program
    assert program.stat().st_mtime > 0
    assert list(program.parent.iterdir()) == [program]


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no compiler, one error says what to install."""
    monkeypatch.setattr(build, "BUILT", tmp_path / "loadgen")
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(build.BuildError, match="install gcc or clang"):
        build.build()


def test_a_compiler_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CC names the compiler; one that does not run, or refuses, is an error that shows it."""
    monkeypatch.setattr(build, "BUILT", tmp_path / "loadgen")
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(build.BuildError, match="`no-such-compiler -m64` does not run"):
        build.build()
    monkeypatch.setenv("CC", "false")
    with pytest.raises(build.BuildError, match="`false` refused"):
        build.build()


def test_a_compiler_from_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no cc but the wheel ziglang, its compiler is taken."""
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: name == "ziglang")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert build.compiler()[1:] == ["-m", "ziglang", "cc"]


@pytest.fixture(scope="module")
def histogram(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The generator's histogram, as a library."""
    library = tmp_path_factory.mktemp("histogram") / "histogram.so"
    source = str(build.SOURCES / "histogram.c")
    subprocess.run(
        [*build.compiler(), "-shared", "-fPIC", "-O2", source, "-o", str(library), "-lm"],
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    loaded.histogram_add.argtypes = (ctypes.c_void_p, ctypes.c_uint64)
    loaded.histogram_quantile.argtypes = (ctypes.c_void_p, ctypes.c_double)
    loaded.histogram_quantile.restype = ctypes.c_uint64
    return loaded


def test_quantiles_are_within_a_percent(histogram: ctypes.CDLL) -> None:
    """Each quantile is within 1 % of the exact one, for durations from nanoseconds to hours."""
    chance = random.Random(7)
    for count in (1, 2, 10, 999, 20_000):
        values = [int(10 ** chance.uniform(0, 13)) for _ in range(count)]
        # As large as its buckets: (64 - 7 + 1) * 128 of eight bytes, and three numbers.
        state = ctypes.create_string_buffer(8 * (3 + 58 * 128))
        for value in values:
            histogram.histogram_add(state, value)
        values.sort()
        for share in (0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0):
            exact = values[max(math.ceil(share * count), 1) - 1]
            found = histogram.histogram_quantile(state, share)
            assert found == pytest.approx(exact, rel=0.01), (count, share)


def test_quantiles_at_the_edges(histogram: ctypes.CDLL) -> None:
    """Small durations are exact, the largest has a bucket, and of nothing the quantile is 0."""
    for value in (0, 1, 255, 256, 257, 2**63, 2**64 - 1):
        state = ctypes.create_string_buffer(8 * (3 + 58 * 128))
        assert histogram.histogram_quantile(state, 0.5) == 0
        histogram.histogram_add(state, value)
        found = histogram.histogram_quantile(state, 0.5)
        assert found == pytest.approx(value, rel=0.01)
        assert value >= 256 or found == value
