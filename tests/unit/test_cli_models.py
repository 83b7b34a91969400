"""``logforest train`` and ``logforest models`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from logforest.classify import LogClassifier
from logforest.cli import _load_commands, app
from logforest.errors import ModelError, ParseError
from logforest.templates import TemplateMiner


@pytest.fixture(scope="module")
def cli() -> CliRunner:
    if not app.registered_commands:
        _load_commands()
    return CliRunner()


ROWS = [("disk full on sda", "ops"), ("login of bob failed", "sec"), ("volume slow", "ops")] * 10


def test_train_from_csv_and_ndjson(cli: CliRunner, tmp_path: Path) -> None:
    table, lines, model = (tmp_path / n for n in ("a.csv", "b.ndjson", "m.lfm"))
    table.write_text("label,message\n" + "".join(f"{b},{a}\n" for a, b in ROWS))
    lines.write_text("".join(json.dumps({"message": a, "label": b}) + "\n\n" for a, b in ROWS))
    done = cli.invoke(app, ["train", str(table), str(lines), "-o", str(model), "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.output)
    assert result["examples"] == 60
    assert result["classes"] == ["ops", "sec"]
    assert result["held_out_accuracy"] == 1.0
    assert LogClassifier.load(model).predict_one("disk slow") == "ops"

    shown = cli.invoke(app, ["models", "show", str(model), "--json"])
    assert json.loads(shown.output)["classes"] == ["ops", "sec"]
    found = cli.invoke(app, ["models", "classify", "--model", str(model)], input="login bob\n")
    assert found.output.startswith("sec\t")


def test_train_on_top_of_the_default(cli: CliRunner, tmp_path: Path) -> None:
    table, model = tmp_path / "a.csv", tmp_path / "m.lfm"
    table.write_text("message,label\n" + "frobnicator widget jammed,Hardware\n" * 30)
    done = cli.invoke(app, ["train", str(table), "--base", "default", "-o", str(model)])
    assert done.exit_code == 0, done.output
    again = LogClassifier.load(model)
    assert again.predict_one("widget jammed") == "Hardware"
    assert again.predict_one("Failed password for root from 10.0.0.1") == "Security"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("a.csv", "message,kind\nx,y\n", "line 2"),
        ("a.ndjson", '{"message": "x", "label": "y"}\n{"message": 5}\n', "line 2"),
        ("a.ndjson", "{broken\n", "line 1"),
    ],
)
def test_bad_examples_say_where(
    cli: CliRunner, tmp_path: Path, name: str, text: str, where: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    done = cli.invoke(app, ["train", str(path), "-o", str(tmp_path / "m")])
    assert isinstance(done.exception, ParseError)
    assert where in str(done.exception)


def test_show_the_default_a_miner_and_rubbish(cli: CliRunner, tmp_path: Path) -> None:
    shown = cli.invoke(app, ["models", "show", "--json"])
    assert json.loads(shown.output)["classes"] == ["Business", "General", "Performance", "Security"]
    TemplateMiner().fit(["a 1", "a 2"]).save(tmp_path / "t")
    shown = cli.invoke(app, ["models", "show", str(tmp_path / "t"), "--json"])
    assert json.loads(shown.output)["templates"] == 1
    (tmp_path / "x").write_bytes(b"rubbish")
    assert isinstance(
        cli.invoke(app, ["models", "show", str(tmp_path / "x")]).exception, ModelError
    )
