"""scikit-learn is needed by this package alone, and said to be missing where it is."""

import subprocess
import sys


def run(code):
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return found.stdout + found.stderr


def test_without_scikit_learn_the_message_has_the_line_that_installs_it():
    told = run("import sys; sys.modules['sklearn'] = None\nimport mlpcore.sklearn")
    assert "needs scikit-learn 1.6 or later: pip install 'mlpcore[sklearn]'" in told


def test_an_old_scikit_learn_is_named():
    told = run("import sklearn; sklearn.__version__ = '1.5.2'\nimport mlpcore.sklearn")
    assert "but 1.5.2 is installed: pip install --upgrade 'mlpcore[sklearn]'" in told


def test_the_library_itself_imports_neither_scikit_learn_nor_scipy():
    told = run("import sys, mlpcore; print({'sklearn', 'scipy', 'joblib'} & set(sys.modules))")
    assert told == "set()\n"
