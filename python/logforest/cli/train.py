"""``logforest train``: a classifier from your own labelled messages."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import typer

from logforest.errors import ParseError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train")(train)


def train(
    examples: list[Path] = typer.Argument(
        ..., help="CSV with a header, or NDJSON: fields message and label."
    ),
    output: Path = typer.Option(Path("classifier.lfm"), "--output", "-o", help="Model file."),
    base: Path | None = typer.Option(
        None, "--base", help="Learn on top of this model ('default' is the one that ships)."
    ),
    method: str = typer.Option("complement", "--method", help="complement or multinomial."),
    alpha: float = typer.Option(1.0, "--alpha", help="Smoothing, above 0."),
    holdout: float = typer.Option(
        0.2, "--holdout", min=0.0, max=0.9, help="Share of the examples to measure on first."
    ),
    json_: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Train a classifier, measure it on held-out examples, save it."""
    from logforest.classify import LogClassifier

    messages: list[str] = []
    labels: list[str] = []
    for path in examples:
        read_examples(path, messages, labels)

    def fresh() -> LogClassifier:
        if base is None:
            return LogClassifier(method=method, alpha=alpha)
        return LogClassifier.default() if str(base) == "default" else LogClassifier.load(base)

    accuracy = None
    step = round(1 / holdout) if holdout > 0 else 0
    if step and len(messages) >= 2 * step:
        test = range(0, len(messages), step)
        rest = [i for i in range(len(messages)) if i % step]
        model = fresh().partial_fit([messages[i] for i in rest], [labels[i] for i in rest])
        accuracy = model.score([messages[i] for i in test], [labels[i] for i in test])
    model = fresh().partial_fit(messages, labels)
    model.save(output)
    result = {
        "model": str(output),
        "examples": len(messages),
        "classes": model.classes_.tolist(),
        "held_out_accuracy": accuracy,
        "bytes": output.stat().st_size,
    }
    if json_:
        typer.echo(json.dumps(result))
        return
    typer.echo(f"{output}: {len(messages)} examples, classes {', '.join(model.classes_)}")
    if accuracy is not None:
        typer.echo(f"accuracy on every {step}th example, held out: {accuracy:.3f}")


def read_examples(path: Path, messages: list[str], labels: list[str]) -> None:
    """Append the examples of a CSV or NDJSON file; ParseError names file and line."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix.lower() in (".json", ".ndjson", ".jsonl"):
            rows = ((number, _decoded(path, number, line)) for number, line in enumerate(file, 1))
        else:
            rows = ((number, row) for number, row in enumerate(csv.DictReader(file), 2))
        for number, row in rows:
            if row is None:
                continue
            message, label = row.get("message"), row.get("label")
            if not isinstance(message, str) or not isinstance(label, str) or not label:
                raise ParseError(f"{path}, line {number}: needs the fields message and label")
            messages.append(message)
            labels.append(label)


def _decoded(path: Path, number: int, line: str) -> dict[str, object] | None:
    if not line.strip():
        return None
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ParseError(f"{path}, line {number}: {error}") from None
    if not isinstance(row, dict):
        raise ParseError(f"{path}, line {number}: not a JSON object")
    return row
