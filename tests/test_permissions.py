"""What a store refuses, or gives in place of what was asked for: a line that says so, and nothing lost."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import handpose, read_results
from made_up_inputs import encoded
from s3_server import SECRET, ask_server, s3_server

FAST = ("--views", 1)
LAB = "arn:aws:s3:::lab"


def statement(effect, actions, *resources):
    return {"Effect": effect, "Action": [f"s3:{action}" for action in actions], "Resource": list(resources)}


MAY = [
    statement("Allow", ["ListBucket"], LAB),
    statement("Allow", ["GetObject"], f"{LAB}/*"),
    statement("Allow", ["PutObject", "DeleteObject"], f"{LAB}/half/*"),
]
MAY_NOT = [
    statement("Deny", ["GetObject"], f"{LAB}/photos/1.jpg"),
    statement("Deny", ["PutObject"], f"{LAB}/half/predictions.json"),
]


@pytest.fixture
def store(monkeypatch):
    """An S3 server that asks who it is; gives a function that lets this process's user do what statements say."""
    with s3_server() as fs:
        import boto3
        import s3fs

        for number in range(3):
            fs.pipe(f"lab/photos/{number}.jpg", encoded(number))
        fs.mkdir("other")
        iam = boto3.client("iam")
        iam.create_user(UserName="user")
        key = iam.create_access_key(UserName="user")["AccessKey"]

        def let(statements):
            own = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
            policy = {"Version": "2012-10-17", "Statement": [*statements, own]}
            iam.put_user_policy(UserName="user", PolicyName="policy", PolicyDocument=json.dumps(policy))

        let([*MAY, *MAY_NOT])
        ask_server("reset-auth", "0")  # from now on it asks who may do what
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        iam = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]).client("iam")
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            yield let
        finally:
            ask_server("reset-auth", "inf")
            s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(encoded(0))
    return tmp_path / "in"


def test_what_may_not_be_listed_read_or_written_is_said_in_a_line(store, folder, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def error(*arguments):
        result = handpose("predict", *arguments, *FAST)
        assert result.exit_code == 1
        [line] = result.stderr.splitlines()
        return line.removeprefix("Error: ")

    assert error("s3://other", "-o", out) == "s3://other cannot be listed: no permission"
    assert error("s3://other/*.jpg", "-o", out) == "s3://other/*.jpg cannot be listed: no permission"
    assert error("s3://other/list.txt", "-o", out).endswith("s3://other/list.txt cannot be read: no permission")
    assert error(folder, "-o", "s3://lab/closed") == "Cannot write to s3://lab/closed: no permission"
    # one photograph that may not be read is a failure, which a later run tries again
    result = handpose("predict", "s3://lab/photos", "-o", out, *FAST)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (3, "1.jpg: cannot be read: no permission")
    store(MAY)
    result = handpose("predict", "s3://lab/photos", "-o", out, *FAST, "--resume")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0, "2 of 3 inputs are done; left: 1 could not be read before (1.jpg)"
    )  # fmt: skip
    # whose key is wrong may nothing
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()
    assert error("s3://lab/photos", "-o", tmp_path / "x") == "s3://lab/photos cannot be listed: no permission"


def test_results_that_may_not_be_put_there_are_kept_here(store, folder):
    result = handpose("predict", folder, "-o", "s3://lab/half", *FAST)
    assert result.exit_code == 1
    found = re.fullmatch(
        r"Error: Cannot write to s3://lab/half: no permission\. What was done is kept in (\S+)\.\n", result.stderr
    )
    assert found, result.stderr
    assert [entry["file"] for entry in read_results(Path(found[1]))["files"]] == ["a.jpg"]


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 403 if "closed" in self.path else 200
        body = b"<!DOCTYPE html><html><body>Please <a href='/login'>log in</a></body></html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def website():
    pytest.importorskip("aiohttp")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_in_place_of_a_photograph(website, tmp_path):
    out = tmp_path / "out"
    urls = [f"{website}/photo.jpg?token={SECRET}", f"{website}/clip.mp4", f"{website}/closed.jpg?token={SECRET}"]
    result = handpose("predict", *urls, "-o", out, *FAST)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[:3] == [
        "clip.mp4: a web page (HTML), not a video",
        "closed.jpg: cannot be read: HTTP status 403",
        "photo.jpg: a web page (HTML), not an image",
    ]
    assert SECRET not in result.stderr + "".join(path.read_text() for path in out.iterdir())
    result = handpose("predict", f"{website}/photos", "-o", tmp_path / "none", *FAST)
    assert result.stderr == (
        f"Error: {website}/photos: no image or video by its name, and no page with links to any in it\n"
    )
