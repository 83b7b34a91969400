"""``logforest models``: look at model files, try classifiers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer

from logforest.errors import ModelError

MAGIC = b"LOGFOREST"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Look at model files, try classifiers.", no_args_is_help=True)
    group.command("show")(show)
    group.command("classify")(classify)
    app.add_typer(group, name="models")


def show(
    files: list[Path] = typer.Argument(None, help="Model files; none: the one that ships."),
    json_: bool = typer.Option(False, "--json", help="One JSON object a file."),
) -> None:
    """Say what model files hold; a damaged one is an error."""
    from logforest.classify import DEFAULT_MODEL

    for path in files or [DEFAULT_MODEL]:
        facts = describe(path)
        if json_:
            typer.echo(json.dumps(facts))
        else:
            typer.echo("\n".join(f"{key}: {value}" for key, value in facts.items()))


def classify(
    messages: list[str] = typer.Argument(None, help="Messages; none: lines of standard input."),
    model: Path | None = typer.Option(None, "--model", help="Default: the one that ships."),
    json_: bool = typer.Option(False, "--json", help="One JSON object a message."),
) -> None:
    """Classify messages and say how sure the model is."""
    from logforest.classify import DEFAULT_MODEL, LogClassifier

    classifier = LogClassifier.load(model or DEFAULT_MODEL)
    lines = messages or [line.rstrip("\n") for line in sys.stdin]
    labels = classifier.predict(lines)
    for line, label, row in zip(lines, labels, classifier.predict_proba(lines), strict=True):
        sure = float(row.max())
        if json_:
            typer.echo(json.dumps({"message": line, "label": str(label), "probability": sure}))
        else:
            typer.echo(f"{label}\t{sure:.2f}\t{line}")


def describe(path: Path) -> dict[str, Any]:
    """Return what a model file holds; ModelError if it is none or damaged."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise ModelError(f"{path}: not a logforest model file")
    at = len(MAGIC) + 1
    kind = data[at + 1 : at + 1 + data[at]].decode("ascii", "replace") if len(data) > at else ""
    facts: dict[str, Any] = {"file": str(path), "kind": kind, "bytes": len(data)}
    if kind == "log classifier":
        from logforest.classify import LogClassifier

        classifier = LogClassifier.from_bytes(data)
        facts |= {
            "classes": classifier.classes_.tolist(),
            "method": classifier.method,
            "words": len(classifier.words_),
            "temperature": round(classifier.temperature_, 4),
        }
    elif kind == "template miner":
        from logforest.templates import TemplateMiner

        miner = TemplateMiner.from_bytes(data)
        facts |= {
            "templates": miner.templates.num_rows,
            "shapes": miner.shapes_,
            "lines": miner.lines_,
        }
    return facts
