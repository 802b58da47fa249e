#!/usr/bin/env bash
# Set up this checkout: system packages, .venv with the pinned requirements, Horovod built for MXNet, LeNet-5 in C++.
# Safe to run again: it does nothing when everything is there. --help has the options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

horovod='horovod==0.28.1 --hash=sha256:92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0'
data=/usr/share/datasets/fashion-mnist
cache=${XDG_CACHE_HOME:-~/.cache}/lenet-mxnet
usage="usage: [PYTHON=/path/to/python3.11] launch/setup.sh [--check] [--dev] [--gpu] [--no-reports]"
log=.setup.log
kind=cpu # or gpu: the lock in requirements/ that .venv is made of
[ ! -e .venv/gpu ] || kind='gpu'

print_help() {
  cat <<EOF
$usage

Sets up this checkout: system packages that are missing (with apt-get, as root or with sudo),
.venv with the pinned requirements, Horovod built for MXNet, LeNet-5 compiled for each kind of
vectors. Needs Debian or Ubuntu and Python 3.10 or 3.11. The first time takes about 5 minutes on
2 cores and 0.6 GB; what is built is kept in ~/.cache/lenet-mxnet, so that a second checkout takes
under a minute. Run again it does nothing.

  --check       says what is missing and changes nothing
  --dev         adds what the tests and linters need (0.2 GB)
  --no-reports  leaves out what show, predict, report and export need: training works without
  --gpu         takes MXNet for CUDA 11 with its libraries and builds Horovod with NCCL; a .venv
                that was made so stays so without it

Exit code: 0 ready, 1 failed or (--check) not ready, 2 wrong option or something that only you can
install. To remove it all: rm -rf .venv .setup.log .setup.lock ~/.cache/lenet-mxnet
EOF
}

say() { echo "setup: $*" >&2; }
die() { echo "error: ${*:2}" >&2; exit "$1"; }
runs() { "$@" >/dev/null 2>&1 </dev/null; }
for_gpu() { [ $kind = gpu ]; }

# logged WHAT COMMAND...: runs the command with its output in the log, says how long it took, and ends with the reason
# when it fails.
logged() {
  local began=$SECONDS before unreached
  : >>"$log"
  before=$(wc -l <"$log")
  if "${@:2}" >>"$log" 2>&1 </dev/null; then
    say "$1: $((SECONDS - began)) s"
    return
  fi
  unreached=$(tail -n "+$((before + 1))" "$log" | what_was_not_reached)
  [ -z "$unreached" ] || die 1 "$1 failed: $unreached cannot be reached from here (all output: $PWD/$log)"
  tail -n 20 "$log" >&2
  die 1 "$1 failed: $(tail -n 1 "$log") (all output: $PWD/$log)"
}

# What apt-get or pip, whose output is read, could not connect to; nothing if that was not the trouble. pip would blame
# a package that it did not find.
what_was_not_reached() {
  local output
  output=$(cat)
  if [[ $output =~ (Could not (connect|resolve)|Temporary failure resolving|Connection (failed|timed out)) ]]; then
    sed -n '/^\(Err\|[EW]: Failed\).*:/{s#.*\(https\?://[^/ ]*\).*#the package mirror \1#p;q}' <<<"$output"
  elif [[ $output =~ (NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError) ]]; then
    echo "the package index $(index_url)"
  fi
}

# pip's index, where one is set, without a password.
index_url() {
  local url=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null)}
  url=${url:-that pip takes by default}
  echo "${url/"//"*@/"//"}"
}

# Sets python_version and python, the interpreter that .venv is or will be made of; empty when there is none.
find_python() {
  local names=(.venv/bin/python python3.11 python3.10 python3) name prefix wrong=
  [ -z "${PYTHON:-}" ] || names=("$PYTHON")
  for name in "${names[@]}"; do
    read -r python_version prefix < <(
      "$name" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null
    ) || continue
    python=$prefix/bin/python$python_version
    case $python_version in 3.10 | 3.11) return ;; esac
    wrong="$name is $python_version"
  done
  python='' python_version=''
  [ -z "${PYTHON:-}$wrong" ] || die 2 "Python 3.10 or 3.11 is needed, but" \
    "${wrong:-PYTHON=$PYTHON does not run}: install Python 3.11 or name one with PYTHON=/path/to/python3.11"
}

has_open_mpi() {
  local folder
  [[ $(mpirun --version 2>&1) == *"Open MPI"* ]] || return 1
  for folder in $(mpicxx --showme:incdirs 2>/dev/null); do
    [ ! -e "$folder/mpi.h" ] || return 0
  done
  return 1
}

has_data() {
  [ -e $data/train-images-idx3-ubyte.gz ] && [ -e $data/train-labels-idx1-ubyte.gz ] &&
    [ -e $data/t10k-images-idx3-ubyte.gz ] && [ -e $data/t10k-labels-idx1-ubyte.gz ]
}

# Prints a line "what:package" for each thing that the system should have and does not.
list_missing() {
  if [ -z "$python" ]; then
    echo "Python 3.10 or 3.11:python3 python3-venv python3-dev"
  elif ! runs "$python" -c 'import ensurepip, os, sysconfig
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))'; then
    [[ $python == /usr/bin/* ]] ||
      die 2 "$python lacks the venv module or its headers: install it whole or set PYTHON"
    echo "Python's venv module and headers:python$python_version-venv python$python_version-dev"
  fi
  runs c++ --version || echo "a C++ compiler:g++"
  runs make --version || echo "make:make"
  runs cmake --version || echo "CMake:cmake"
  has_open_mpi || echo "Open MPI with its headers:openmpi-bin libopenmpi-dev"
  # Elsewhere no package has the data set; train.py says then where it looked.
  ! runs command -v apt-get || has_data || echo "the Fashion-MNIST data set:dataset-fashion-mnist"
}

install_missing() {
  local missing what packages as_root=()
  missing=$(list_missing)
  [ -n "$missing" ] || return 0
  what=$(cut -d: -f1 <<<"$missing" | paste -sd, | sed 's/,/, /g')
  packages=$(cut -d: -f2 <<<"$missing" | paste -sd' ')
  runs command -v apt-get || die 2 "missing $what: install it with this system's package manager"
  if [ "$(id -u)" != 0 ]; then
    runs sudo -n true || die 2 "missing $what; run: sudo apt-get install -y $packages"
    as_root=(sudo -n)
  fi
  say "installing $packages with apt-get: a minute or two"
  # The package lists may be absent or old, so a failure is tried again with new ones. The lock keeps
  # set-ups of several checkouts from each other's way; the time-out waits for anything else that uses apt.
  # shellcheck disable=SC2016,SC2086
  logged "apt-get install $packages" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive flock /var/lib/dpkg sh -c '
    install() { apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"; }
    install "$@" || { apt-get update && install "$@"; }' sh $packages
  find_python
  missing=$(list_missing)
  [ -z "$missing" ] || die 1 "apt-get installed $packages, but this is still missing: $missing"
}

# The version of nvcc, without it "none".
cuda_version() {
  runs command -v nvcc || { echo none; return; }
  nvcc --version | sed -n 's/.* release \([0-9.]*\).*/\1/p'
}

# Neither is installed here: a package of another version than the driver's would break the driver.
check_cuda() {
  local version
  version=$(cuda_version)
  [[ $version == 11.* ]] || die 2 "--gpu needs the compiler of CUDA 11, but nvcc in PATH is $version:" \
    "install the CUDA 11 toolkit and put its folder bin in PATH"
  runs "$python" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' ||
    die 2 "--gpu needs NVIDIA's driver: libcuda.so.1 is missing"
}

# versions LOCK: the pinned versions of requirements/LOCK.txt, one a line, without hashes and comments.
versions() { sed -e '/^ *\(#\|--hash\|$\)/d' -e 's/ *\\$//' "requirements/$1.txt"; }

# What .venv is made of. Raise the number to rebuild every .venv for another reason than these.
made_of() { printf '%s\n' 1 "$PWD" "$python" "$horovod"; versions $kind; }

# is_installed FILE COMMAND...: FILE in .venv, written at the end of an installation, holds what the command prints.
is_installed() { [ -x .venv/bin/python ] && [ "$(cat ".venv/$1" 2>/dev/null)" = "$("${@:2}")" ]; }

# All of it: .venv/made-of for what is cleared with .venv, .venv/LOCK.txt for each lock installed on top.
is_ready() {
  local lock
  is_installed made-of made_of || return
  for lock in "$@"; do is_installed "$lock.txt" versions "$lock" || return; done
}

# native [--check]: builds LeNet-5 into .venv, or says whether it is there and of this source.
native() { lenet/native/build.sh "$@" .venv/lib/lenet-native; }

# wait_for FILE WHAT: holds FILE's lock until the descriptor that it puts in lock is closed.
wait_for() {
  exec {lock}>"$1"
  flock -n "$lock" || { say "waiting for another set-up that is $2"; flock "$lock"; }
}

# build_horovod FOLDER: leaves the wheel in FOLDER. Nothing cached or built elsewhere is used: such a wheel
# may lack MXNet, which its name would not show.
build_horovod() {
  local site=$PWD/.venv/lib/python$python_version/site-packages gpu=()
  # The kernels are for the GPUs that this MXNet has kernels for. nvcc would refuse a compiler younger than itself.
  ! for_gpu || gpu=(
    HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED
    HOROVOD_NCCL_INCLUDE="$site/nvidia/nccl/include" HOROVOD_NCCL_LIB="$site/mxnet"
    HOROVOD_BUILD_CUDA_CC_LIST="50,60,70,80,86" NVCC_PREPEND_FLAGS=-allow-unsupported-compiler
  )
  logged "building Horovod" env "${gpu[@]}" PATH="$PWD/.venv/bin:$PATH" MAKEFLAGS="${MAKEFLAGS:--j$(nproc)}" \
    HOROVOD_WITH_MXNET=1 HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1 \
    HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 CMAKE_POLICY_VERSION_MINIMUM=3.5 \
    .venv/bin/python -m pip wheel --no-build-isolation --no-binary horovod --no-cache-dir --no-deps \
    --require-hashes --wheel-dir "$1" -r <(echo "$horovod")
}

# Prints the name of the wheel's folder in the cache: everything that the wheel depends on.
horovod_key() {
  local name mxnet mpi cuda='' build
  name=$(cut -d' ' -f1 <<<"$horovod")
  mxnet=$(sed -n 's/^\(mxnet[^ ]*==[^ ]*\).*/\1/p' requirements/$kind.txt)
  mpi=$(mpirun --version | sed -n '1s/.* /openmpi-/p')
  ! for_gpu || cuda=" cuda-$(cuda_version)"
  build=$({ declare -f build_horovod; echo "$horovod"; } | sha256sum | cut -c1-8)
  echo "$name $mxnet python$python_version $(uname -m) $(getconf GNU_LIBC_VERSION) $mpi$cuda $build" |
    sed 's/==\| /-/g'
}

install_horovod() {
  local wheels new
  wheels=$cache/$(horovod_key)
  mkdir -p "$cache" 2>/dev/null || die 1 "cannot make $cache: set XDG_CACHE_HOME to a folder to write in"
  wait_for "$cache/lock" "building Horovod"
  if [ ! -d "$wheels" ]; then
    say "building Horovod: about 3 minutes on 2 cores, once per machine (output: $log)"
    rm -rf "$cache"/new.*
    new=$(mktemp -d "$cache/new.XXXXXX")
    build_horovod "$new"
    mv -T "$new" "$wheels"
  fi
  exec {lock}>&-
  logged "installing Horovod from $wheels" \
    .venv/bin/python -m pip install --no-index --no-deps "$wheels"/*.whl
  logged "the check of Horovod" .venv/bin/python -c '
import sys, mxnet, numpy, horovod.mxnet as hvd
if mxnet.runtime.Features().is_enabled("CUDA") and not hvd.nccl_built():
    sys.exit("Horovod lacks NCCL")
if not (hvd.mpi_built() and hvd.gloo_built()):
    sys.exit(f"Horovod lacks a controller: MPI {bool(hvd.mpi_built())}, Gloo {bool(hvd.gloo_built())}")
if numpy.__version__ != "1.23.5":
    sys.exit(f"NumPy is {numpy.__version__}, not 1.23.5")'
}

# CUDA's libraries are in separate packages. MXNet's library looks for others beside itself, so with links there
# it finds them whoever starts Python and how. Horovod's build wants the name without a number.
link_cuda() (
  cd ".venv/lib/python$python_version/site-packages/mxnet"
  ln -s ../nvidia/*/lib/lib*.so.* .
  ln -s libnccl.so.2 libnccl.so
)

# install LOCK. Compiling every module would take as long again.
install() {
  local time='up to half a minute'
  [ "$1" != gpu ] || time='some minutes'
  say "installing requirements/$1.txt into .venv with Python $python_version: $time"
  logged "installing requirements/$1.txt" \
    .venv/bin/python -m pip install --no-compile --require-hashes -r "requirements/$1.txt"
}

# Says beforehand what making .venv takes.
announce() {
  if for_gpu; then
    say "setting up $PWD for GPUs: some minutes and some GB"
  elif runs command -v mpirun && [ -d "$cache/$(horovod_key)" ]; then
    say "setting up $PWD: about a minute and 0.6 GB; Horovod is built already"
  else
    say "setting up $PWD: about 5 minutes on 2 cores and 0.6 GB, once; launch/setup.sh --help says more"
  fi
}

# check LOCK...: says what is missing. The exit code is 1 then.
check() {
  local missing what package lock
  missing=$(list_missing)
  while IFS=: read -r what package; do
    [ -z "$what" ] || echo "missing: $what (packages $package)"
  done <<<"$missing"
  is_installed made-of made_of || echo "missing: .venv with requirements/$kind.txt and Horovod"
  for lock in "$@"; do
    is_installed "$lock.txt" versions "$lock" || echo "missing: requirements/$lock.txt in .venv"
  done
  native --check || echo "missing: LeNet-5 of this source in .venv/lib/lenet-native"
  if [ -z "$missing" ] && is_ready "$@" && native --check; then
    echo "ready: nothing is missing"
  else
    echo "launch/setup.sh installs it"
    return 1
  fi
}

main() {
  local option lock added=(reports) dev=() task=set_up
  for option in "$@"; do
    case $option in
      --help | -h) print_help; return ;;
      --check) task=check ;;
      --dev) dev=(dev) ;;
      --gpu) kind='gpu' ;;
      --no-reports) added=() ;;
      *) die 2 "unknown option '$option': launch/setup.sh knows --check, --dev, --gpu and --no-reports" ;;
    esac
  done
  added+=("${dev[@]}")
  find_python
  "$task" "${added[@]}"
}

# set_up LOCK...: installs what is missing.
set_up() {
  local lock
  install_missing
  if is_ready "$@" && native --check; then return; fi
  wait_for .setup.lock "setting up this checkout"
  : >"$log"
  if ! is_ready; then
    ! for_gpu || check_cuda
    announce
    [ ! -L .venv ] || rm .venv # only the link: what it leads to may be another checkout's
    logged "making .venv" "$python" -m venv --clear .venv
    ! for_gpu || touch .venv/gpu
    install $kind
    ! for_gpu || link_cuda
    install_horovod
    made_of >.venv/made-of
  fi
  native --check || logged "compiling LeNet-5" native
  for lock in "$@"; do
    is_installed "$lock.txt" versions "$lock" && continue
    install "$lock"
    versions "$lock" >".venv/$lock.txt"
  done
  # In an image, or where PYTHONDONTWRITEBYTECODE is set, no later start would keep what it compiles.
  logged "compiling what each start imports" env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c '
import filelock, pydantic, tensorboardX, tqdm, yaml, horovod.runner.launch, horovod.mxnet'
  say "ready in $SECONDS s"
}

main "$@"
