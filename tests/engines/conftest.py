"""Other engines for the tests: each is there, or its tests say why they were skipped, or (where asked for) fail."""

import os
import shutil
from importlib import util

import pytest

pytest.register_assert_rewrite("engines.enginecases")


def need(what, is_there):
    """Skip where an engine is not installed; fail where KAYZEN_NB_REQUIRE_ENGINES=1 asks for it."""
    if is_there:
        return
    if os.environ.get("KAYZEN_NB_REQUIRE_ENGINES") == "1":
        pytest.fail(f"{what} is not here, and KAYZEN_NB_REQUIRE_ENGINES=1 asks for it")
    pytest.skip(f'{what} is not here: install the engines with pip install -e ".[engines,engines-test]"')


def has(package):
    return util.find_spec(package) is not None


@pytest.fixture(scope="session")
def sqlglot():
    need("sqlglot", has("sqlglot"))


@pytest.fixture(scope="session")
def spark(sqlglot, tmp_path_factory):  # noqa: ARG001  # without sqlglot there is nothing to send
    """One Spark for all tests: one core, no page of its own, loopback only, and a session zone that is nobody's."""
    need("Java", shutil.which("java"))
    need("pyspark", has("pyspark"))
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "Asia/Kathmandu",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than these few rows
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # the same
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def clickhouse(sqlglot):  # noqa: ARG001  # the same
    """ClickHouse inside the process, with a session zone that is nobody's."""
    need("chdb", has("chdb"))
    import chdb

    connection = chdb.connect(":memory:")
    connection.query("set session_timezone = 'Asia/Kathmandu'")
    yield connection
    connection.close()
