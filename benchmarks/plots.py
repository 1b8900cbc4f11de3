"""The plots of docs/PERFORMANCE.md: small SVGs that can be read on light and on dark pages."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.bench import Numbers
from benchmarks.data import PLOTS, Data
from benchmarks.growth import CURVES, Curve
from benchmarks.play import ratios, values
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import OURS

_GREY = "#808080"
_COLOURS = {
    "ours": "#2a9d6f",
    "ours-before": "#8ab17d",
    "node": "#e07a3f",
    "node-batched": "#4f7fd9",
}
_TITLES = {
    "ours": "chatserver",
    "ours-before": "before",
    "node": "Node.js",
    "node-batched": "Node.js, group commit",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    # The same figures give the same file.
    "svg.hashsalt": "chatserver",
    "font.size": 9,
    "text.color": _GREY,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _GREY,
    "axes.titlecolor": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _GREY,
    "grid.alpha": 0.25,
    "figure.constrained_layout.use": True,
}


def draw(data: Data) -> None:
    """Draw what the data has."""
    import matplotlib  # only who writes the document needs it

    matplotlib.use("svg")
    with matplotlib.rc_context(_STYLE):
        if data.get("scenarios"):
            _ratios(data["scenarios"])
        for curve in CURVES:
            if curve.name in data.get("curves", {}):
                _curve(curve, data["curves"][curve.name])
        if data.get("soak"):
            _soak(data["soak"]["samples"])


def _figure(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(width, height), squeeze=False)
    return figure, axes[0]


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    PLOTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOTS / f"{name}.svg", transparent=True, metadata={"Date": None})
    pyplot.close(figure)


def _ratios(scenarios: dict[str, dict[str, list[Numbers]]]) -> None:
    """How many times better ours is, with the spread over the repetitions."""
    present = [s for s in SCENARIOS if OURS in scenarios.get(s.name, {})]
    others = [
        name for name in ("node", "node-batched") if any(name in scenarios[s.name] for s in present)
    ]
    figure, (axes,) = _figure(7, 0.5 + 0.42 * len(present))
    thickness = 0.8 / max(len(others), 1)
    for row, scenario in enumerate(present):
        found = scenarios[scenario.name]
        for place, other in enumerate(others):
            each = ratios(scenario.metrics[0], found[OURS], found.get(other, []))
            if not each:
                continue
            middle = median(each)
            spread = [[middle - min(each)], [max(each) - middle]]
            at = row + (place - (len(others) - 1) / 2) * thickness
            axes.barh(at, middle, thickness * 0.9, color=_COLOURS[other], label=_TITLES[other])
            axes.errorbar(middle, at, xerr=spread, color=_GREY, capsize=2, linewidth=1)
    axes.axvline(1, color=_GREY, linewidth=1)
    axes.set_yticks(range(len(present)), [s.name for s in present])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("times better than")
    labels = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(labels.values(), labels.keys(), frameon=False, loc="lower right")
    _save(figure, "ratios")


def _curve(curve: Curve, found: dict[str, list[Numbers]]) -> None:
    metrics = curve.metrics
    figure, all_axes = _figure(3.1 * len(metrics), 2.5, len(metrics))
    for axes, metric in zip(all_axes, metrics, strict=True):
        for name, runs in found.items():
            sizes = sorted({run["size"] for run in runs})
            heights = [_median_at(metric, runs, size) for size in sizes]
            axes.plot(
                sizes, heights, marker="o", markersize=3, color=_COLOURS[name], label=_TITLES[name]
            )
        if min(run["size"] for runs in found.values() for run in runs) > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=100)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(curve.size)
        axes.set_title(f"{metric.title}, {metric.unit}", fontsize=9)
    all_axes[0].legend(frameon=False)
    _save(figure, curve.name)


def _median_at(metric: Any, runs: Sequence[Numbers], size: int) -> float:
    each = values(metric, [run for run in runs if run["size"] == size])
    return median(each) if each else float("nan")


def _soak(samples: Sequence[Numbers]) -> None:
    figure, (axes,) = _figure(7, 2.5)
    minutes = [sample["seconds"] / 60 for sample in samples]
    axes.plot(minutes, [s["rss_kb"] / 1024 for s in samples], color=_COLOURS["ours"], linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes")
    axes.set_title("memory, MB", fontsize=9)
    _save(figure, "soak")
