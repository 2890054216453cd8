# Sourced by each script in this folder: the repository's root as working folder, the settings that
# all share, and functions.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=true
export PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_NO_INPUT=1
# Python compiles what is imported; pip would compile everything, which takes two thirds of an
# install.  (0, because pip reads the variable as the answer to "compile?".)
export PIP_NO_COMPILE=0

# usable PYTHON: whether a command is a supported Python that can make virtual environments.
# (A shim of pyenv is a command too, which fails for versions that are not switched on.)
usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
        >/dev/null 2>&1
}

# pythons: the usable Pythons of this machine, one a line and one for each minor version, that of
# the command python3 first if it is usable and otherwise the newest first.
pythons() {
    local candidate found=" "
    for candidate in python3 \
        python3.14 "$HOME"/.pyenv/versions/3.14.*/bin/python \
        python3.13 "$HOME"/.pyenv/versions/3.13.*/bin/python \
        python3.12 "$HOME"/.pyenv/versions/3.12.*/bin/python \
        python3.11 "$HOME"/.pyenv/versions/3.11.*/bin/python; do
        if usable "$candidate"; then
            local minor
            minor=$("$candidate" -c 'import sys; print(sys.version_info.minor)')
            if [[ $found != *" $minor "* ]]; then
                found+="$minor "
                "$candidate" -c 'import sys; print(sys.executable)'
            fi
        fi
    done
}

# find_python: the Python that the checks run on, or an error.
find_python() {
    local all
    all=$(pythons)
    if [[ -z $all ]]; then
        echo "no Python 3.11 to 3.14 with venv and ensurepip found" >&2
        return 1
    fi
    head -n 1 <<<"$all"
}

# environment FOLDER REQUIREMENT...: make a virtual environment and install into it, unless it is
# there and was made by the same Python from the same pyproject.toml and the same requirements.
# Several scripts share one, so the first of them pays for it.
environment() {
    local folder=$1 python=${MLPCORE_CI_PYTHON:-} made
    shift
    python=${python:-$(find_python)}
    made=$(printf '%s\n' "$PWD" "$("$python" -VV)" "$*" && cat pyproject.toml)
    if [[ ! -f $folder/made-from || $(<"$folder/made-from") != "$made" ]]; then
        "$python" -m venv --clear "$folder"
        "$folder/bin/python" -m pip install --quiet "$@"
        printf '%s\n' "$made" >"$folder/made-from"
    fi
}

# gpu_environment: .venv-ci-gpu, in which CuPy, numba-cuda and NVIDIA's compilers work without a GPU.
gpu_environment() {
    # Without cupy's [ctk] extra: of the toolkit only what compiles and disassembles, and cuBLAS.
    environment .venv-ci-gpu -e '.[test]' \
        'cupy-cuda13x==14.2.*' 'numba-cuda==0.30.*' cuda-bindings nvidia-nvvm nvidia-cuda-nvrtc \
        nvidia-cuda-runtime nvidia-cuda-cccl nvidia-cuda-nvcc nvidia-cuda-nvdisasm nvidia-cublas
}
