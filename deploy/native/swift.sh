# Finds the Swift toolchain ($SWIFT, else `swift` on PATH), or ends with 3 and the official way to
# install it; and builds with it. Sourced by bash after common.sh; sets `swift`.

swift_needed=6.2

swift_hint() {
    fail 3 "$1" \
        "Swift $swift_needed or newer is needed. The official installer for this system:" \
        "  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz" \
        "  tar zxf swiftly-$(uname -m).tar.gz && ./swiftly init" \
        "or see https://www.swift.org/install/linux/ ; then put swift on PATH, or its path in SWIFT." \
        "(Debian's own package \"swift\" is another program: do not install that.)"
}

find_swift() {
    swift=${SWIFT:-$(command -v swift || true)}
    [ -n "$swift" ] || swift_hint "there is no Swift toolchain on PATH."
    # SWIFT may name the folder of the toolchain as well as the program.
    [ -d "$swift" ] && for place in "$swift/swift" "$swift/bin/swift" "$swift/usr/bin/swift"; do
        if [ -x "$place" ]; then swift=$place; break; fi
    done
    local text version
    text=$("$swift" --version 2>&1) || true
    version=$(printf '%s\n' "$text" | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || swift_hint "$swift is not the Swift compiler."
    local have_major=${version%%.*} have_minor=${version#*.}
    local need_major=${swift_needed%%.*} need_minor=${swift_needed#*.}
    if [ "$have_major" -lt "$need_major" ] ||
        { [ "$have_major" -eq "$need_major" ] && [ "$have_minor" -lt "$need_minor" ]; }; then
        swift_hint "$swift is version $version, which is too old."
    fi
}

# The programs and what they need; not the tests and their helpers.
programs=GatewayMain,CartMain,OrderMain,InventoryMain,PaymentMain,PaymentProviderMain,DevBrokerMain,MercatoctlMain

build_release() {
    cd "$root" || exit 1
    local began=$SECONDS
    say "building (release) in $scratch; the first time takes some minutes"
    run env MERCATO_ONLY=$programs "$swift" build -c release --scratch-path "$scratch" ||
        fail 1 "the build failed; its messages are above"
    say "built in $((SECONDS - began)) s"
}
