#!/usr/bin/env bash
# Build the native LeNet-5 for each kind of vectors of this kind of machine. Usage: lenet/native/build.sh [--check] FOLDER.
# Leaves lenet5-KIND.so in FOLDER, from the user's cache where the same was built before. With --check it builds
# nothing: the exit code is 0 if FOLDER has what would be built.
set -euo pipefail
source=$(dirname "${BASH_SOURCE[0]}")
cache=${XDG_CACHE_HOME:-~/.cache}/lenet-mxnet
is_check=''
[ "$1" != --check ] || { is_check=1; shift; }
folder=$1

# Nothing but `fma` is fused, and no vector operation is left to a fast and inexact library.
flags=(-std=c++17 -O3 -ffp-contract=off -fno-math-errno -Wall -Wextra -pthread -shared -fPIC -fvisibility=hidden)
case $(uname -m) in
  x86_64) kinds=('avx2 8 -mavx2 -mfma' 'avx512 16 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512') ;;
  aarch64) kinds=('neon 4') ;;
  *) exit 0 ;; # lenet/native/loader.py says it where it matters
esac

digest=$(cat "$source"/{lenet5.cpp,workers.hpp,build.sh} | sha256sum | cut -d' ' -f1)
if [ -n "$is_check" ]; then
  [ "$(cat "$folder/built-from" 2>/dev/null)" = "$digest" ]
  exit
fi

built=$cache/native-$(uname -m)-$({ echo "$digest"; c++ --version; getconf GNU_LIBC_VERSION; } | sha256sum | cut -c1-16)
if [ ! -d "$built" ]; then
  mkdir -p "$cache"
  new=$(mktemp -d "$cache/new-native.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  for kind in "${kinds[@]}"; do
    read -r name lanes options <<<"$kind"
    # shellcheck disable=SC2086 # the options are words
    c++ "${flags[@]}" $options -DLENET_LANES="$lanes" -DLENET_KIND="\"$name\"" -DLENET_SOURCE="\"$digest\"" \
      "$source/lenet5.cpp" -o "$new/lenet5-$name.so"
  done
  mv -T "$new" "$built" || [ -d "$built" ] # another set-up may have been faster
fi
mkdir -p "$folder"
for file in "$built"/*.so; do
  cp "$file" "$folder/new" && mv "$folder/new" "$folder/$(basename "$file")" # whole, for who loads it meanwhile
done
echo "$digest" >"$folder/built-from"
