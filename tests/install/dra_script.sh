#!/bin/sh
# The script `dra` on machines that this one is not: every command it calls is replaced by one that writes down its arguments.
#   dra_script.sh DRA
# shellcheck disable=SC2016  # the quoted lines are scripts of their own
set -eu

script=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
checks=0

# fake NAME LINES: a command of that name, which logs its call, then does LINES
fake() {
    printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$folder" "$2" >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}

# A fresh tree in which nothing is built, on a machine with everything but two packages, for a user without rights.
fresh() {
    rm -rf "${folder:?}/bin" "$folder/tree dir" "$folder/calls" "$folder/installed"
    mkdir -p "$folder/bin" "$folder/tree dir/benchmarks" "$folder/tree dir/tests" "$folder/elsewhere"
    cp "$script" "$folder/tree dir/dra"
    echo '{}' >"$folder/tree dir/CMakePresets.json"
    echo 'matplotlib==1' >"$folder/tree dir/benchmarks/requirements.txt"
    echo 'safetensors==1' >"$folder/tree dir/tests/requirements.txt"
    echo "Model name: a CPU" >"$folder/cpu"
    echo ON >"$folder/native"
    : >"$folder/calls"
    fake lscpu 'echo "Architecture: any"; cat "'"$folder"'/cpu"'
    fake id 'echo 1000'
    fake sudo 'exit 1'
    fake apt-get 'case "$*" in *install*) : >"'"$folder"'/installed" ;; esac'
    fake dpkg-query 'for last; do :; done
        case $last in
        libfmt-dev | doctest-dev) [ -e "'"$folder"'/installed" ] || exit 1 ;;
        esac
        printf installed'
    fake cmake 'tree="'"$folder"'/tree dir"
        case "$*" in
        *--preset*) mkdir -p "$tree/build/release/cli"
            : >"$tree/build/release/build.ninja"
            echo "CMAKE_HOME_DIRECTORY:INTERNAL=$tree" >"$tree/build/release/CMakeCache.txt"
            echo "DRA_NATIVE:BOOL=$(cat "'"$folder"'/native")" >>"$tree/build/release/CMakeCache.txt"
            echo configuring ;;
        *clean*) rm -f "$tree/build/release/cli/dra"
            echo cleaning ;;
        *--build*) printf "%s\n" "#!/bin/sh" "echo \"program \$* in \$PWD, python \${DRA_PYTHON_EXECUTABLE-none}\"" >"$tree/build/release/cli/dra"
            chmod +x "$tree/build/release/cli/dra"
            : >"$tree/build/release/.ninja_log"
            echo building ;;
        esac'
    fake ninja '[ -x "'"$folder"'/tree dir/build/release/cli/dra" ] && echo "ninja: no work to do."'
    fake ctest 'echo "ctest in $PWD"'
    fake python3 'exit 1'
}

# call ARGUMENTS: runs the script from another folder; leaves `status`, `out` and `err`
call() {
    status=0
    (cd "$folder/elsewhere" && env -u DRA_PYTHON_EXECUTABLE -u DRA_PRESET PATH="$folder/bin:$PATH" "$folder/tree dir/dra" "$@") \
        >"$folder/out" 2>"$folder/err" || status=$?
    out=$(cat "$folder/out")
    err=$(cat "$folder/err")
}

# check WHAT TEXT PATTERN
check() {
    checks=$((checks + 1))
    # shellcheck disable=SC2254  # a pattern
    case $2 in
    $3) ;;
    *)
        printf 'FAILED: %s\n  pattern: %s\n  found: %s\n' "$1" "$3" "$2"
        exit 1
        ;;
    esac
}

fresh
call compare
check 'without rights it exits 2' "$status" 2
check 'it prints the command' "$err" '*sudo apt-get update && sudo apt-get install -y libfmt-dev doctest-dev'
check 'standard output stays empty' "$out" ''
check 'nothing was configured' "$(grep -c '^cmake' "$folder/calls" || true)" 0

fresh
fake sudo 'shift; "$@"'
call run --input x.safetensors
check 'sudo installs just what is missing' "$(cat "$folder/calls")" '*apt-get -q install -y --no-install-recommends libfmt-dev doctest-dev*'
check 'the program gets its arguments, in the folder of the call' "$out" "program run --input x.safetensors in $folder/elsewhere, python none"
check 'progress is on standard error' "$err" '*configuring*building*'

: >"$folder/calls"
call run
check 'a second call adds no output' "$err" ''
check 'and asks no package manager' "$(grep -c -e '^dpkg' -e '^apt' -e '^cmake' "$folder/calls" || true)" 0

touch -d '+1 minute' "$folder/tree dir/CMakePresets.json"
call run
check 'changed presets are configured again' "$err" '*configuring*building*'

for device in cuda emulated; do
    fresh
    : >"$folder/installed"
    call run --backend $device
    check 'a device is built for a command that names it' "$(grep -e '--target' "$folder/calls")" "*--target dra device_$device"
    fresh
    : >"$folder/installed"
    call run "--backend=$device"
    check 'in either spelling' "$(grep -e '--target' "$folder/calls")" "*--target dra device_$device"
done
fresh
: >"$folder/installed"
call run --backend cpu
check 'and for no other' "$(grep -e '--target' "$folder/calls")" '*--target dra'

fresh
: >"$folder/installed"
call run
check 'the first build cleans nothing' "$err" 'configuring
building'
echo "Model name: an older CPU" >"$folder/cpu"
call run
check 'the build of another CPU is made again, from nothing' "$err" '*configuring*of another CPU*cleaning*building*'
check 'and then runs' "$out" 'program run *'
call run
check 'once' "$err" ''
: >"$folder/tree dir/build/release/.configured-by-dra"
call run
check 'so is a build that does not say of which CPU it is' "$err" '*cleaning*building*'
touch -d '+1 minute' "$folder/tree dir/CMakePresets.json"
: >"$folder/calls"
call run
check 'a build of this CPU is configured again without that' "$(grep -c -e '--target clean' "$folder/calls" || true)" 0

fresh
: >"$folder/installed"
echo OFF >"$folder/native"
call run
echo "Model name: an older CPU" >"$folder/cpu"
call run
check 'a build for any CPU stays' "$err" ''

fresh
fake id 'echo 0'
call test -L ring
check 'root needs no sudo' "$(grep -c '^sudo' "$folder/calls" || true)" 0
check 'the suite runs in the tree' "$out" "ctest in $folder/tree dir"
check 'ctest gets its arguments' "$(grep '^ctest' "$folder/calls")" 'ctest --preset release -j * -L ring'
check 'all is built for the suite' "$(grep -e '--target' "$folder/calls")" '*--target all'
check 'what tests compare with is installed' "$(grep '^python3' "$folder/calls")" "*-m venv --clear $folder/tree dir/build/venv-tests"
check 'and where it cannot be, the suite says what it skips' "$err" '*tests that need them are skipped*'

fresh
fake sudo 'shift; "$@"'
fake apt-get 'exit 100'
call run
check 'a failed installation exits 2' "$status" 2
check 'and prints the command' "$err" '*sudo apt-get update && sudo apt-get install -y libfmt-dev doctest-dev'

fresh
: >"$folder/installed"
call compare --quick
check 'no environment, no plots' "$err" '*no plots*'
check 'compare runs all the same' "$out" 'program compare --quick*python none'
check 'and its status is the one that counts' "$status" 0

: >"$folder/calls"
call compare --help
check 'help installs nothing' "$(grep -c '^python3' "$folder/calls" || true)" 0

fake python3 'for last; do :; done
    mkdir -p "$last/bin"
    printf "#!/bin/sh\n" >"$last/bin/python"
    chmod +x "$last/bin/python"'
call compare
check 'the program is told of the environment' "$out" '*tree dir/build/venv/bin/python'
: >"$folder/calls"
call compare
check 'which is made once' "$(grep -c '^python3' "$folder/calls" || true)" 0
check 'and quiet from then on' "$err" ''

fresh
: >"$folder/installed"
mkdir -p "$folder/tree dir/build"
(
    flock 8
    sleep 1
    : >"$folder/released"
) 8>"$folder/tree dir/build/.lock" &
sleep 0.3
fake cmake '[ -e "'"$folder"'/released" ] && echo "after the other" || echo "beside the other"; exit 1'
call run
wait
check 'a second call says that it waits' "$err" '*another call is building*'
check 'and does wait' "$err" '*after the other*'

echo "$checks checks passed"
