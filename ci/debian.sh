# Sourced, after common.sh, by the checks that need another system than the one they run on: two
# functions that make a folder with a Debian and a Python inside.  They ask nothing of the system but
# apt-get and dpkg-deb with Debian's sources, change nothing on it, and need not be root.

# debian_available: whether this machine can make one, and otherwise the reason.
debian_available() {
    if ! command -v apt-get dpkg-deb >/dev/null; then
        echo "there is no apt-get or dpkg-deb" >&2
        return 1
    fi
    if [[ -z $(debian_sources) ]]; then
        echo "apt has no sources of Debian" >&2
        return 1
    fi
}

# debian_sources: the files that tell apt where Debian's own packages are.
debian_sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
        if [[ -f $file ]] && grep -q debian "$file"; then
            echo "$file"
        fi
    done
}

# unpack_debian FOLDER ARCHITECTURE PACKAGE...: unpack the packages, with all that they depend on,
# into the folder.  Their scripts do not run: there is no /etc/passwd and nothing is configured.
unpack_debian() {
    local folder=$1 architecture=$2 apt file
    shift 2
    apt=$(mktemp -d)
    mkdir -p "$folder" "$apt"/{lists/partial,archives/partial,sources}
    touch "$apt/status" # nothing is installed: every dependency is fetched
    for file in $(debian_sources); do
        ln -s "$file" "$apt/sources/"
    done
    local settings=(
        -qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
        -o "APT::Install-Recommends=false" -o "APT::Sandbox::User=" -o "Debug::NoLocking=true"
        -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
        -o "Dir::Cache::archives=$apt/archives" -o "Dir::Etc::sourcelist=/dev/null"
        -o "Dir::Etc::sourceparts=$apt/sources" -o "DPkg::Pre-Install-Pkgs="
    )
    apt-get "${settings[@]}" update
    apt-get "${settings[@]}" install --download-only --yes "$@"
    for file in "$apt"/archives/*.deb; do
        dpkg-deb --extract "$file" "$folder"
    done
    rm -rf "$apt"
}

# python_version FOLDER: the version of the Python that lies in the folder, such as 3.11.
python_version() {
    local found=("$1"/usr/bin/python3.[0-9][0-9])
    echo "${found[0]##*/python}"
}

# install_into FOLDER MACHINE REQUIREMENT...: install wheels for the Python in the folder, which need
# not run here, and for a machine as `uname -m` names it.
install_into() {
    local folder=$1 machine=$2 version
    shift 2
    version=$(python_version "$folder")
    .venv-ci/bin/python -m pip install --quiet --upgrade --only-binary=:all: \
        --target "$folder/usr/local/lib/python$version/dist-packages" --python-version "$version" \
        --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" \
        --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" "$@"
}
