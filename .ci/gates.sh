# What every change must satisfy: one function per gate, run by .ci/run in a shell of its own.
# A gate passes by returning 0; `absent REASON` says plainly that it could not run here.
# Given from outside: $work, a scratch directory; $uv, the installer.

dev=$work/dev # every extra, every tool, the checkout itself (editable)
packages=(periskope_async periskope_sync)
everything=(-m "slow or not slow" -r s) # the slow tests too; and tell what was skipped, and why
and_processes=(-m "not slow or processes") # exits, forks and interrupts, which differ from one Python to the next
workers=(-n 2 --dist worksteal) # tests wait more than they compute, but gates run side by side

# npm's own patience with a registry that does not answer is ten minutes.
npm_quietly=(npm --loglevel=error --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000)

absent() {
  echo "not run: $1"
  exit 77
}

# redis_server: whether there is one, installed if that can be. `setup` asks first, so that no two gates install it.
redis_server() {
  if command -v redis-server >/dev/null; then return 0; fi
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ] || [ -e "$work/no-redis" ]; then return 1; fi
  apt-get install -y -qq redis-server >"$work/log/apt" 2>&1 && return 0
  { apt-get update -qq && apt-get install -y -qq redis-server; } >"$work/log/apt" 2>&1 && return 0
  touch "$work/no-redis"
  return 1
}

# environment DIRECTORY PYTHON REQUIREMENTS...: a new virtual environment with these.
environment() {
  "$uv" venv --quiet --python "$2" "$1"
  "$uv" pip install --quiet --python "$1/bin/python" "${@:3}"
}

setup() {
  environment "$dev" "$(command -v python3)" --editable '.[test]' --group dev
  "$uv" build --quiet --out-dir "$work/dist"
  "$dev/bin/python" --version
  redis_server || true # where it cannot be had, the gate `redis` says so
  "$uv" pip list --quiet --python "$dev/bin/python" | tail -n +3 | awk '{printf "%s %s, ", $1, $2} END {print ""}'
}

gate() {
  case $1 in
    python-*) on_python "${1#python-}" ;;
    *) "gate_$1" ;;
  esac
}

gate_style() {
  local failed=
  "$dev/bin/ruff" format --check . || failed=1
  "$dev/bin/ruff" check . || failed=1
  "$dev/bin/lint-imports" --no-cache --no-logo || failed=1
  [ -z "$failed" ]
}

gate_types() {
  local checked=("${packages[@]}") failed=
  if [ -d tests/typing ]; then checked+=(tests/typing); fi
  "$dev/bin/mypy" --python-executable "$dev/bin/python" "${checked[@]}" || failed=1
  "$dev/bin/pyright" --pythonpath "$dev/bin/python" "${checked[@]}" || failed=1
  [ -z "$failed" ]
}

# The types as a user gets them: from the installed wheel, out of sight of the source tree.
gate_verifytypes() {
  local package failed=
  environment "$work/typed" "$dev/bin/python" "$(wheel)[cli,dlt,live,otel,parquet,redis,speed]" pytest
  cd "$work"
  export PATH="$work/typed/bin:$PATH" # --verifytypes asks the first Python of PATH, whatever --pythonpath says
  for package in "${packages[@]}"; do
    "$dev/bin/pyright" --ignoreexternal --verifytypes "$package" || failed=1
  done
  [ -z "$failed" ]
}

# What is left out here has gates of its own, with the peers it needs.
elsewhere=(--ignore tests/contract --ignore tests/project/test_benchmarks.py --ignore tests/project/test_engines.py)

# The README's test command under coverage: every branch of both packages. Of the slow tests only those of exits, forks and
# interrupts travel branches of their own; the others go the same ways more often, and coverage would only double what
# they take.
gate_suite() {
  export COVERAGE_FILE=$work/coverage
  "$dev/bin/python" -m coverage run -m pytest "${workers[@]}" "${and_processes[@]}" -r s "${elsewhere[@]}"
  "$dev/bin/python" -m coverage combine --quiet
  # What speaks to Redis is travelled only where a Redis is; the gate `redis` says whether one was.
  if redis_server; then "$dev/bin/python" -m coverage report; else
    "$dev/bin/python" -m coverage report --omit "periskope_async/_io/redis_*.py,periskope_async/budgets.py"
  fi
}

# Four workers, since many of these wait in real time: for windows of a rate limit, for processes to start and to end.
gate_slow() {
  "$dev/bin/python" -m pytest -n 4 --dist worksteal -m "slow and not processes" -r s "${elsewhere[@]}"
}

# Both commands of the README's first code block.
gate_readme() {
  readme_commands "$(command -v python3)" 1 2
}

# readme_commands PYTHON NUMBERS...: these commands, word for word, in a fresh clone and an empty environment.
readme_commands() {
  local clone commands number path
  mapfile -t commands < <(awk '/^```/ {fence++; next} fence == 1' README.md)
  [ "${#commands[@]}" -eq 2 ] || { echo "the README's first code block has ${#commands[@]} lines, not two" && exit 1; }
  path=$(dirname "$1"):/usr/bin:/bin
  clone=$(mktemp -d "$work/clone.XXXX")
  mkdir "$clone/home"
  git clone --quiet . "$clone/periskope"
  cd "$clone/periskope"
  for number in "${@:2}"; do
    git clean --quiet --force -d -x
    printf '\n$ %s\n' "${commands[number - 1]}"
    # pip's cache is this machine's: shown is somebody's first clone, not their first use of pip.
    time env -i PATH="$path" HOME="$clone/home" PIP_CACHE_DIR="$(python3 -m pip cache dir)" \
      bash -euo pipefail -c "${commands[number - 1]}"
  done
}

# The oldest versions of what we depend on that pyproject.toml allows.
gate_lowest() {
  "$uv" pip compile --quiet --python "$dev/bin/python" --resolution lowest-direct \
    --extra cli --extra dlt --extra live --extra otel --extra parquet --extra redis --extra speed pyproject.toml --output-file "$work/lowest.txt"
  environment "$work/lowest" "$dev/bin/python" --constraint "$work/lowest.txt" --editable '.[test]' --group integration
  grep -v '#' "$work/lowest.txt" | tr '\n' ' '
  "$work/lowest/bin/python" -m pytest "${workers[@]}"
}

# The newest aiohttp there is, pre-releases too: each is tried over real sockets the day it comes. A way past its session
# that no longer works on it is no fault, as long as requests go the public way then; the gate says which they go.
gate_prerelease() {
  local stable newest env=$work/prerelease
  stable=$("$dev/bin/python" -c 'import aiohttp; print(aiohttp.__version__)')
  # Named so, a pre-release is allowed of aiohttp alone.
  environment "$env" "$dev/bin/python" --editable '.[test]' --group integration 'aiohttp>=3.14.3a0'
  newest=$("$env/bin/python" -c 'import aiohttp; print(aiohttp.__version__)')
  if [ "$newest" = "$stable" ]; then
    echo "passed: no aiohttp is newer than the release $stable"
    return 0
  fi
  echo "aiohttp $newest; the newest release is $stable"
  "$env/bin/python" -m pytest "${workers[@]}" "${everything[@]}" --deselect tests/io/test_probe.py::test_here_it_works \
    tests/io/test_connections.py tests/io/test_probe.py tests/io/test_proxy.py tests/io/test_caller.py tests/public/test_request.py
}

on_python() {
  local python env=$work/python-${1##*/}
  python=$("$uv" python find --no-project "$1" 2>/dev/null) || absent "no Python $1 on this machine"
  environment "$env" "$python" --editable '.[test]' --group integration
  "$env/bin/python" --version
  "$env/bin/python" -m pytest "${workers[@]}" "${and_processes[@]}" --costliest 10
}

# What the system brings is often the oldest patch release at hand, and what a new user has.
gate_system-python() {
  local python=/usr/bin/python3
  "$python" -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' 2>/dev/null ||
    absent "no $python with venv, of 3.11 or newer"
  [ "$("$python" --version)" != "$("$dev/bin/python" --version)" ] || absent "$python is what the other gates run on"
  on_python "$python"
  readme_commands "$python" 2
}

# The archives as they would be published; the wheel in an environment that holds nothing else.
gate_package() {
  local status=0
  "$uv" tool run --quiet twine check --strict "$work"/dist/*
  environment "$work/bare" "$dev/bin/python" "$(wheel)"
  "$uv" pip check --quiet --python "$work/bare/bin/python"
  cp .ci/check_wheel.py "$work"
  cd "$work"
  "$work/bare/bin/python" -I check_wheel.py
  "$work/bare/bin/periskope" demo 2>"$work/no-extra" || status=$?
  cat "$work/no-extra"
  [ "$status" -ne 0 ]
  grep --quiet -F "pip install '/path/to/clone[cli]'" "$work/no-extra"
}

# The site, built offline: a link that leads nowhere, or a public name that no page describes, is an error.
gate_docs() {
  environment "$work/site-tools" "$dev/bin/python" --editable . --group docs
  "$work/site-tools/bin/sphinx-build" -n -W --keep-going --quiet docs "$work/site"
  test -s "$work/site/llms.txt"
}

# Worker processes of other people's engines on one key.
gate_engines() {
  local engines=('dask[bag]' distributed pandas pyarrow ray)
  if command -v java >/dev/null; then engines+=(pyspark); else echo "no Java on this machine: Spark is not among the engines"; fi
  environment "$work/engines" "$dev/bin/python" --editable '.[test]' "${engines[@]}"
  "$work/engines/bin/python" -m pytest "${everything[@]}" tests/project/test_engines.py
}

# The budget that machines share, on a real Redis; where it is not installed, it is installed if that can be.
gate_redis() {
  redis_server || absent "no redis-server on this machine, and none that apt-get and this user could install"
  redis-server --version
  "$dev/bin/python" -m pytest "${workers[@]}" "${everything[@]}" tests/io/test_redis_budget*.py \
    tests/public/test_webhook_recipes.py::test_many_processes_share_what_they_have_seen
}

# Other people's clients against our fake service: the vendor's own, and schemathesis.
gate_contract() {
  environment "$work/schemathesis" "$dev/bin/python" schemathesis
  if command -v npm >/dev/null; then (cd tests/contract && "${npm_quietly[@]}" ci --ignore-scripts); fi
  SCHEMATHESIS=$work/schemathesis/bin/schemathesis "$dev/bin/python" -m pytest "${everything[@]}" tests/contract
}

# One short round of each benchmark, with all its peers: it still runs and still fetches what it claims. Speeds are
# not judged here.
gate_benchmarks() {
  # niquests' fork of urllib3 would else take the place of the urllib3 it is measured against.
  URLLIB3_NO_OVERRIDE=1 environment "$work/bench" "$dev/bin/python" --editable '.[test]' --group bench \
    --no-binary urllib3-future
  if command -v npm >/dev/null; then
    "${npm_quietly[@]}" install --ignore-scripts --prefix benchmarks
  else
    echo "no Node.js on this machine: the vendor's client is not among the peers"
  fi
  "$work/bench/bin/python" -m pytest "${everything[@]}" tests/project/test_benchmarks.py
}

wheel() { echo "$work"/dist/*.whl; }
