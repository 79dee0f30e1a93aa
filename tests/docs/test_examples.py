"""Every public function and class of the libraries shows how it is used, and the examples run."""

import doctest
import importlib
import inspect
from types import ModuleType

import pytest

PACKAGES = ("fpn_core", "render_core.heads")


def public_names(package: ModuleType) -> list[str]:
    """Functions and classes that a package exports, but for exceptions and type aliases."""
    names = []
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value) and issubclass(value, BaseException):
            continue
        if inspect.isclass(value) or inspect.isfunction(value):
            names.append(name)
    return names


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    package = importlib.import_module(name)
    without = []
    for exported in public_names(package):
        value = getattr(package, exported)
        tests = doctest.DocTestFinder(recurse=False).find(value, exported, globs=globals_of(value))
        if not any(test.examples for test in tests):
            without.append(exported)
        for test in tests:
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
            runner.run(test)
            assert runner.failures == 0, f"the example of {name}.{exported} fails; see the output above"
    assert without == []


def globals_of(value: object) -> dict[str, object]:
    """The names that an example can use: those of the module that defines the function or class."""
    module = inspect.getmodule(value)
    return {} if module is None else dict(vars(module))


def test_a_wrong_example_is_found() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(wrong, out=lambda text: None)
    assert runner.failures == 1
