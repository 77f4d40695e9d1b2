"""Executors: one interface, the same rows, whatever dies, stops or is not shared on the way."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests import command_line
from tests.waiting import Waiting, WaitingJob

from sparsid._errors import MissingExtraError, SparsidError
from sparsid.results import ResultStore, Row
from sparsid.study import executors
from sparsid.study.executors import EXECUTORS, ExecutorKind, executor
from sparsid.study.reading import parse_study
from sparsid.study.running import run_study
from sparsid.training.progress import Stop

PROJECT = Path(__file__).parents[2]
DASK = pytest.mark.skipif("dask" not in EXECUTORS or not executors.installed("dask"),
                          reason="the extra [dask] is not installed")
