#!/usr/bin/env bash
# Builds the programs for use (release); tests and their helpers are left out.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/swift.sh"
find_swift
find_scratch
build_release
