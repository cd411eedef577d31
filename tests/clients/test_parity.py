"""Compares answers of Alluvium with those of Apache Kafka: starts Kafka, and runs the Rust tests in tests/parity."""

import os
import shutil
import subprocess

import pytest
from conftest import STORES
from servers import ROOT, Kafka

pytestmark = pytest.mark.usefixtures("java")


@pytest.mark.skipif(STORES == ["kafka"], reason="compares Alluvium with Kafka, whatever the target")
@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo")
def test_alluvium_answers_as_kafka_does(tmp_path):
    kafka = Kafka(tmp_path / "kafka").start()
    try:
        command = ["cargo", "test", "--workspace", "--test", "parity", "--", "--include-ignored"]
        environment = {**os.environ, "ALLUVIUM_TEST_KAFKA": kafka.bootstrap}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=1_800)
    finally:
        kafka.stop()
    assert done.returncode == 0, done.stdout + done.stderr[-4_000:]
    assert " 0 ignored" in done.stdout, done.stdout
