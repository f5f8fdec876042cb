"""The options of a command in sections, so that thirty of them can be read in `--help`."""

from __future__ import annotations

import click

# command -> section -> its options, in order
SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "predict": {
        "Input": ("--recursive", "--boxes", "--rescale", "--pages", "--shard"),
        "Hands": ("--weights", "--detector", "--score-threshold", "--max-hands", "--views", "--tile"),
        "Videos and cameras": ("--track", "--smooth", "--every", "--start", "--end", "--show"),
        "Output": (
            "--output", "--format", "--image-prefix", "--report", "--draw", "--colours", "--hide", "--side-by-side",
            "--sheets", "--summary-json",
        ),
        "Run": (
            "--resume", "--prune", "--overwrite", "--dry-run", "--fail-fast", "--max-failures", "--engine",
            "--batch-size", "--threads", "--cluster", "--config", "--quiet", "--help",
        ),
    },
    "evaluate": {
        "Labels": (
            "--labels", "--images", "--class", "--keypoint-names", "--video", "--rescale", "--boxes",
            "--not-exhaustive",
        ),
        "Predictions": ("--predictions", "--weights", "--detector", "--views", "--engine", "--threads"),
        "Figures": ("--norm", "--pck", "--score-threshold", "--visible-only", "--oks-area", "--seed"),
        "Report": ("--json", "--report", "--overwrite", "--config", "--quiet", "--help"),
    },
    "train": {
        "Data": ("--data", "--val", "--val-split", "--negatives", "--class", "--keypoint-names"),
        "Network": ("--preset", "--input-size", "--weights", "--teacher"),
        "Recipe": (
            "--stage", "--epochs", "--steps-per-epoch", "--patience", "--batch-size", "--optimizer", "--learning-rate",
            "--schedule", "--precision", "--ema", "--upright", "--seed",
        ),
        "Run": (
            "--output", "--resume", "--workers", "--devices", "--export", "--data-licence", "--config", "--quiet",
            "--help",
        ),
    },
    "convert-labels": {
        "Input": ("--from", "--images", "--class", "--keypoint-names", "--video"),
        "Correcting": ("--worst", "--flagged", "--where", "--update", "--rescale"),
        "Output": (
            "--to", "--split", "--seed", "--image-prefix", "--copy-images", "--link-images", "--extract-frames",
            "--overwrite",
        ),
        "Checks": ("--strict", "--check", "--dry-run", "--formats"),
        "Run": ("--config", "--quiet", "--help"),
    },
}  # fmt: skip


class SectionedCommand(click.Command):
    """A command whose help shows its options as `SECTIONS` has them; what stands there not comes last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        shown = {long_name(option): option.get_help_record(ctx) for option in options}
        rows = {name: row for name, row in shown.items() if row is not None}
        for title, names in SECTIONS[self.name or ""].items():
            with formatter.section(title):
                formatter.write_dl([rows.pop(name) for name in names if name in rows])
        if rows:
            with formatter.section("Others"):
                formatter.write_dl(list(rows.values()))


def long_name(option: click.Parameter) -> str:
    """Return `--score-threshold` for such an option."""
    return max(option.opts, key=len)
