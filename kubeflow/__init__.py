"""The same pipeline on Kubeflow Pipelines: compile, check, dry run, submit, schedule.

PyPI has a package `kubeflow`, too, with `kubeflow.trainer` and others. Where this source tree comes
first in the path, the modules of both are found. Diptych's wheel leaves this file out, so that both
can be installed in one environment.
"""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
