"""Beam's construction of pipelines, with signatures and options remembered: the same, and less."""

import inspect

import apache_beam as beam
import pytest
from apache_beam.options import pipeline_options
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, StandardOptions
from apache_beam.transforms import core, userstate

from pipeline.beam.arguments import beam_arguments
from pipeline.beam.construction import quick_construction
from pipeline.config.beam import LocalBeam

FLAGS = [*beam_arguments(LocalBeam()), "--experiments=a", "--experiments=b", "--unknown=1"]
VIEWS = [
    each
    for each in vars(pipeline_options).values()
    if isinstance(each, type) and issubclass(each, PipelineOptions)
]


class Plain(beam.DoFn):
    def process(self, element, side, scale=2):
        yield element * scale + side


class Other(Plain):
    def process(self, element, window=beam.DoFn.WindowParam):  # type: ignore[override]
        yield element, window


def arguments(dofn: beam.DoFn) -> dict[str, tuple]:
    names = ("start_bundle", "process", "finish_bundle", "setup", "default_type_hints")
    return {name: core.get_function_arguments(dofn, name) for name in names}


def test_the_arguments_of_methods_are_those_that_beam_finds():
    expected = [arguments(dofn) for dofn in (Plain(), Other())]
    assert expected[0]["process"] == (["element", "side", "scale"], [2])
    assert expected[1]["process"] == (["element", "window"], [beam.DoFn.WindowParam])
    with quick_construction():
        for _ in range(2):
            assert [arguments(dofn) for dofn in (Plain(), Other())] == expected
        core.get_function_arguments(Plain(), "process")[0].clear()
        assert arguments(Plain()) == expected[0]
        assert core.get_function_args_defaults(lambda a, b=3: a + b) == (["a", "b"], [3])


def test_a_method_is_inspected_once(monkeypatch):
    """What it is all for: an update of Beam that goes another way would show here."""
    inspected = []
    signature = inspect.signature

    def counted(function, **options):
        inspected.append(function)
        return signature(function, **options)

    monkeypatch.setattr(inspect, "signature", counted)
    with quick_construction():
        userstate.validate_stateful_dofn(Plain())
        first, inspected[:] = len(inspected), []
        userstate.validate_stateful_dofn(Plain())
        assert len(inspected) == 0
    userstate.validate_stateful_dofn(Plain())
    assert len(inspected) > 10
    assert first <= len(inspected)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_views_of_options_have_the_same_values(view):
    expected = PipelineOptions(FLAGS).view_as(view)
    with quick_construction():
        for _ in range(2):
            found = PipelineOptions(FLAGS).view_as(view)
            assert type(found) is view
            assert found._visible_option_list() == expected._visible_option_list()
            assert found.get_all_options() == expected.get_all_options()
            assert found._all_options == expected._all_options


def test_what_is_set_in_a_view_is_set_in_all_views_of_the_same_options_only():
    with quick_construction():
        options, others = PipelineOptions(FLAGS), PipelineOptions(FLAGS)
        options.view_as(DebugOptions).add_experiment("c")
        options.view_as(StandardOptions).streaming = True
        assert options.view_as(DebugOptions).experiments == ["a", "b", "c"]
        assert options.view_as(StandardOptions).streaming
        assert others.view_as(DebugOptions).experiments == ["a", "b"]
        assert not others.view_as(StandardOptions).streaming
        given = PipelineOptions(FLAGS, experiments=["of the caller"])
        assert given.view_as(DebugOptions).experiments == ["of the caller"]
        assert options.view_as(DebugOptions).view_as(StandardOptions).runner == "FnApiRunner"


def test_a_command_line_is_parsed_once(monkeypatch):
    made = []
    parser = pipeline_options._BeamArgumentParser.__init__

    def counted(self, *args, **options):
        made.append(self)
        parser(self, *args, **options)

    monkeypatch.setattr(pipeline_options._BeamArgumentParser, "__init__", counted)
    with quick_construction():
        options = PipelineOptions([*FLAGS, "--unknown=2"])
        made.clear()
        for _ in range(3):
            options.view_as(DebugOptions)
        assert len(made) == 1
    options.view_as(DebugOptions)
    assert len(made) == 2
