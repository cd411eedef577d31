"""The conformance suite of the object store (in Rust), on the real S3 server of this run."""

import os
import subprocess

import pytest
from servers import ROOT


def test_the_bucket_conforms(cluster):
    bucket = getattr(cluster, "bucket", None)
    if bucket is None:
        pytest.skip("not on S3")
    environment = {"ALLUVIUM_TEST_S3_ENDPOINT": f"http://127.0.0.1:{bucket.port}", "ALLUVIUM_TEST_S3_BUCKET": bucket.BUCKET,
                   "AWS_REGION": "us-east-1", **bucket.CREDENTIALS}
    # Of the workspace, whose crates are built already: of the package alone, some would be built again with fewer features.
    command = ["cargo", "test", "--workspace", "--lib", "a_bucket_conforms", "--", "--ignored"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=1_800)
    assert done.returncode == 0 and "1 passed" in done.stdout, f"{done.stdout}\n{done.stderr}"
