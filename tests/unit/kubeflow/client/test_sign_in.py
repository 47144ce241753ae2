"""The parts of kfp's client that `sign_in.py` relies on; a new version of kfp may move them."""

import ast
import inspect

import kfp.client
import pytest

from kubeflow.client import sign_in
from tests.support.paths import ROOT

PRIVATE = ("_load_config", "_NAMESPACE_PATH", "_LOCAL_KFP_CONTEXT")
PUBLIC = (
    "experiments", "healthzs", "pipeline_uploads", "pipelines", "recurring_runs", "runs",
)  # fmt: skip
CONSTRUCTOR = inspect.getsource(kfp.client.Client.__init__)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_member_of_kfp_is_still_there(name):
    assert hasattr(kfp.client.Client, name)


def test_the_parts_of_the_api_send_their_requests_by_one_object():
    client = sign_in.sign_in("http://localhost:1")  # nothing is requested yet
    assert {id(getattr(client, name).api_client) for name in PUBLIC} == {id(client.api_client)}


def test_the_constructor_calls_what_is_overridden():
    assert "self._load_config(" in CONSTRUCTOR
    assert "self.get_kfp_healthz(" in CONSTRUCTOR
    ours = inspect.signature(sign_in._QuickClient.get_kfp_healthz)
    assert (
        ours.parameters.keys()
        == inspect.signature(kfp.client.Client.get_kfp_healthz).parameters.keys()
    )


def test_only_one_file_knows_private_members_of_kfp():
    users = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "kubeflow").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE
    }
    assert users == {"kubeflow/client/sign_in.py"}
