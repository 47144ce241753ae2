"""Executors that are imported where they run: what they get, and what the process has meanwhile."""

import gc

import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from components.deferred_executor import DeferredBeamExecutor

DONE: list[tuple] = []


class Real(BaseBeamExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        DONE.append((self._get_tmp_dir(), input_dict, output_dict, gc.get_threshold()))
        if exec_properties["fail"]:
            raise ValueError("it failed")
        return "its answer"


class Deferred(DeferredBeamExecutor):
    def load(self):
        return Real


@pytest.mark.parametrize("fail", [False, True])
def test_the_other_runs_in_the_same_context_with_few_collections(tmp_path, fail):
    thresholds = gc.get_threshold()
    context = BaseBeamExecutor.Context(tmp_dir=str(tmp_path), unique_id="1")
    executor = Deferred(context)
    if fail:
        with pytest.raises(ValueError, match="it failed"):
            executor.Do({"a": []}, {"b": []}, {"fail": fail})
    else:
        assert executor.Do({"a": []}, {"b": []}, {"fail": fail}) == "its answer"
    folder, inputs, outputs, meanwhile = DONE.pop()
    assert (folder.startswith(str(tmp_path)), inputs, outputs) == (True, {"a": []}, {"b": []})
    assert meanwhile == (50_000, *thresholds[1:])
    assert gc.get_threshold() == thresholds
