# make            build/release/bin/routerd, a static PIE, and routerctl, a link to it
# make check      the fast gate: what every change must pass (root, for the namespaces)
# make help       all targets; Q= shows the commands
#
# Another build is the same words with BUILD=: asan, fuzz, dev (dynamic, -Og).
BUILD   ?= release
VERSION := 0.1.0
O       := build/$(BUILD)
CC      ?= cc
PREFIX  ?= /usr
Q       := @
LLVM    := -19# one release on Debian 12 and 13, so that formatting agrees

# ---- packages: all that build and tests need, from Debian -------------------------------
PACKAGES := gcc libc6-dev make pkg-config libnl-3-dev libnl-genl-3-dev libnftnl-dev libmnl-dev \
	libyaml-dev libsodium-dev libc-ares-dev libcurl4-openssl-dev libjansson-dev zlib1g-dev binutils \
	clang$(LLVM) clang-format$(LLVM) clang-tidy$(LLVM) libclang-rt$(LLVM)-dev shellcheck file \
	bats bats-assert bats-file bats-support jq openssl python3 python3-prometheus-client iproute2 iputils-ping \
	tcpdump nftables iptables wireguard-tools wireguard-go socat procps util-linux bsdutils \
	mount e2fsprogs kmod cpio xz-utils strace systemd qemu-system-x86 diffutils findutils grep hostname \
	mawk netbase dash sed coreutils git zstd debootstrap dpkg dpkg-dev apt-utils dnf rpm createrepo-c \
	gnupg gpgv genisoimage dosfstools ovmf qemu-utils fdisk debian-archive-keyring

# ---- flags: what every build shares, then what each adds ----------------------------------
MODULES  := libnl-3.0 libnl-genl-3.0 libnftnl yaml-0.1 libsodium libcares
CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Irouter -I. -isystem /usr/include/libnl3
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c17 -Wall -Wextra -Wmissing-prototypes -Wshadow -Wvla -Wwrite-strings \
	-Wformat=2 -Wstrict-prototypes -Wno-missing-field-initializers -fno-common -MMD -MP \
	$(WERROR)
WERROR   ?= -Werror

# Debian 12 has no libmnl.a, which libnftnl.a needs: router/kernel/mnl.c stands in for it.
libs_static := -lnl-genl-3 -lnl-3 -lnftnl -lyaml -lsodium -lcares
libs_shared  = $(shell pkg-config --libs $(MODULES)) -lmnl

flags_release := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -ffunction-sections \
	-fdata-sections
link_release  := -static-pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--fatal-warnings
flags_dev     := -Og
flags_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
link_asan     := -fsanitize=address,undefined
flags_fuzz    := $(flags_asan) -fsanitize=fuzzer-no-link
link_fuzz     := $(link_asan)
CFLAGS  += $(flags_$(BUILD))
LDFLAGS += $(link_$(BUILD))
LDLIBS   = $(if $(filter release,$(BUILD)),$(libs_static),$(libs_shared))
# What speaks TLS is not static: libcurl and OpenSSL are the system's to keep current. The other
# libraries are in it, so that it runs on any system that has a libcurl.
LDFLAGS_curl = $(patsubst -static-pie,-pie,$(LDFLAGS))
libs_inside := -lyaml -lsodium -ljansson -lz
LDLIBS_curl  = $(if $(filter release,$(BUILD)),-Wl$(,)-Bstatic $(libs_inside) -Wl$(,)-Bdynamic,$(libs_inside)) \
	-lcurl
, := ,

# ---- rooms: a folder is a list of objects; test/layers.sh keeps them apart ----------------
base     := $(wildcard router/base/*.c)
keys     := $(wildcard keys/*.c)
pure     := router/item.c router/state.c $(wildcard router/config/*.c)
shims    := router/kernel/mnl.c router/kernel/libc.c
kernel   := $(filter-out $(shims),$(wildcard router/kernel/*.c)) \
	$(if $(filter release,$(BUILD)),$(shims))
program  := $(filter-out router/main.c,$(wildcard router/*.c router/doctor/*.c))
parts    := $(program) $(base) $(pure) $(kernel) $(keys) providers/nicref.c
web      := $(filter %/http.c %/http_fault.c,$(wildcard firstboot/*.c))
lists    := $(wildcard firstboot/exchange*.c) # of exports
fetch    := firstboot/fetch_main.c firstboot/http_url.c $(web) $(base)
exchange := $(lists) firstboot/http_url.c firstboot/run.c $(web) $(base) $(keys)
boot     := $(filter-out $(web) $(lists) firstboot/fetch_main.c,$(wildcard firstboot/*.c providers/*.c)) \
	firstboot/exchange_settings.c $(base) $(keys)
tested   := $(filter-out firstboot/main.c %_main.c,$(parts) $(exchange) $(boot))
objects   = $(patsubst %.c,$(O)/%.o,$(sort $(1)))
sources  := $(wildcard router/*.[ch] router/*/*.[ch] keys/*.[ch] providers/*.[ch] firstboot/*.[ch] \
	test/*/*.[ch] docs/*.c)
scripts  := $(shell grep -rlE '^\#!.*/(sh|bash|env bash)$$' --exclude="*.md" --exclude-dir="*.corpus" .ci test docs image 2>/dev/null) $(wildcard test/lib/*.bash)

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all tools deps have-deps root check test demo unit golden netns packages vm service fuzz fuzz-run lint \
	layers format tidy analyze compilers reference bench soak install dist dist-test \
	image image-test \
	clean help

all: $(addprefix $(O)/bin/,routerd routerctl routerd-exchange routerd-firstboot routerd-fetch) ## all programs

$(O)/bin/routerd: $(call objects,router/main.c $(parts))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
	$(if $(filter release,$(BUILD)),strip $@)
$(O)/bin/routerctl: $(O)/bin/routerd
	ln -sf routerd $@
$(O)/bin/routerd-firstboot: $(call objects,$(boot))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(libs_inside)
	$(if $(filter release,$(BUILD)),strip $@)
$(O)/bin/routerd-exchange: $(call objects,$(exchange))
$(O)/bin/routerd-fetch: $(call objects,$(fetch))
$(O)/bin/routerd-%:
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS_curl) -o $@ $^ $(LDLIBS_curl)
	$(if $(filter release,$(BUILD)),strip $@)
$(O)/test/unit/%: $(O)/test/unit/%.o $(call objects,$(tested))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS_curl) -o $@ $^ $(LDLIBS) $(LDLIBS_curl)
$(O)/test/fuzz/%: $(O)/test/fuzz/%.o $(call objects,$(tested))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS) $(LDLIBS_curl)
$(O)/test/tools/%: $(O)/test/tools/%.o $(call objects,$(tested))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS_curl) -o $@ $^ $(LDLIBS) $(LDLIBS_curl)
$(O)/docs/reference: $(O)/docs/reference.o $(call objects,$(base) $(pure) $(keys))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# ---- checks: cheap first, each runs alone -----------------------------------------------------
check: root have-deps ## the fast gate: lint, unit, golden, namespaces under ASan and UBSan
	$(MAKE) lint
	$(MAKE) BUILD=asan unit golden netns
	$(MAKE) BUILD=release all

test: check ## everything: check, release in namespaces, compilers, analyzers, fuzz, VM, demo
	$(MAKE) netns packages compilers analyze tidy
	$(MAKE) fuzz SECONDS=20
	$(MAKE) vm service dist-test
	test/demo
	$(MAKE) bench
	test/fresh-clone

demo: root have-deps all ## two sites in namespaces, and a table of what works between them
	test/demo

unit: $(patsubst %.c,$(O)/%,$(wildcard test/unit/*.c)) ## C tests, no root
	@set -e; for t in $^; do $$t; done; echo "unit: $(words $^) programs passed"

golden: all ## configurations against test/golden; UPDATE=1 rewrites them
	ROUTERCTL=$(abspath $(O)/bin/routerctl) test/golden/run

tools: $(patsubst %.c,$(O)/%,$(wildcard test/tools/*.c))
netns: root all tools ## bats in network namespaces
	+@$(MAKE) -s -j6 -Otarget $(patsubst test/netns/%.bats,netns-%,$(shell ls -S test/netns/*.bats))
netns-%: test/netns/%.bats
	ROUTERCTL=$(abspath $(O)/bin/routerctl) bats $(BATSFLAGS) $<

packages: root all tools ## apt and dnf, through what mirrors do, in folders of their own
	ROUTERCTL=$(abspath $(O)/bin/routerctl) bats $(BATSFLAGS) test/packages

vm: root all tools ## what WireGuard has a part in, once more in a virtual machine: the kernel's
	test/vm/run --timeout 1800 --add $(CURDIR)/test --add $(CURDIR)/$(O)/bin \
		--add $(CURDIR)/$(O)/test/tools \
		--add $(CURDIR)/examples -- env ROUTERCTL=$(CURDIR)/$(O)/bin/routerctl \
		bats --tap $(foreach f,apply rotate serve traffic wireguard,$(CURDIR)/test/netns/$(f).bats)

service: root all ## the units under systemd, in a virtual machine
	$(RM) -r $(O)/root
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/root
	test/vm/run --systemd --timeout 240 --add $(CURDIR)/test --add $(CURDIR)/$(O)/root:/ \
		--add /usr/bin/wireguard-go --add /usr/bin/genisoimage --add /usr/sbin/mkfs.fat \
		-- bats --tap $(BATSFLAGS) $(CURDIR)/test/service

fuzz: ## each fuzzer for SECONDS (60)
	$(MAKE) BUILD=fuzz CC=clang$(LLVM) fuzz-run
fuzz-run: $(patsubst %.c,$(O)/%,$(wildcard test/fuzz/*.c))
	@set -e; for t in $^; do n=$${t##*/}; mkdir -p $$t.corpus; \
		$$t -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=4096 -timeout=20 \
			$$([ ! -f test/fuzz/$$n.dict ] || echo -dict=test/fuzz/$$n.dict) \
			-print_final_stats=1 -artifact_prefix=$$t- \
			$$t.corpus test/fuzz/$$n.corpus; done

lint: layers ## formatting, shell, layers, units, the reference is current
	clang-format$(LLVM) --dry-run -Werror $(sources)
	$(if $(scripts),shellcheck -x $(scripts))
	$(MAKE) BUILD=dev $(O:$(BUILD)=dev)/docs/reference
	build/dev/docs/reference | diff -u docs/reference.md - || \
		{ echo "docs/reference.md is old: make reference"; exit 1; }
	test/units
layers: ## no room includes a room above it
	test/layers.sh
format: ## rewrite the sources in the house's form
	clang-format$(LLVM) -i $(sources)
reference: ## rewrite docs/reference.md from the field tables
	$(MAKE) BUILD=dev build/dev/docs/reference
	build/dev/docs/reference >docs/reference.md
compilers: ## no warning from gcc or clang
	$(MAKE) O=build/clang BUILD=dev CC=clang$(LLVM) all
	$(MAKE) O=build/gcc BUILD=dev CC=gcc all
tidy: ## clang-tidy
	clang-tidy$(LLVM) --quiet $(filter %.c,$(filter-out test/%,$(sources))) -- $(CPPFLAGS) -std=c17
analyze: ## gcc -fanalyzer
	$(MAKE) O=build/analyzer BUILD=dev CC=gcc WERROR='-O1 -fanalyzer -Werror' all
bench: all tools ## time and memory: of passes up to 50,000 claims, of the daemon, of first boot
	test/bench/run
	test/bench/daemon
	test/bench/firstboot
soak: root all tools ## the daemon over 100,000 events
	EVENTS=100000 test/bench/daemon

# ---- the rest -------------------------------------------------------------------------------------
install: all ## DESTDIR=, PREFIX=
	install -Dm755 $(O)/bin/routerd $(DESTDIR)$(PREFIX)/sbin/routerd
	ln -sf routerd $(DESTDIR)$(PREFIX)/sbin/routerctl
	install -Dm755 -t $(DESTDIR)$(PREFIX)/lib/routerd $(addprefix $(O)/bin/routerd-,exchange fetch firstboot)
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(filter %.service %.socket %.timer %.path,$(wildcard units/*))
	sed -i 's|/usr/sbin/|$(PREFIX)/sbin/|; s|=/usr/lib/|=$(PREFIX)/lib/|' \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/routerd*
	install -Dm644 units/routerd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/routerd.conf
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd README.md LICENSE CHANGES
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/docs docs/*.md
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/docs/providers docs/providers/*.md
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/examples examples/*.yaml

dist: all ## build/dist: an archive with an installer, and a Debian package
	$(RM) -r $(O)/dist
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/dist
	image/package/build $(VERSION) $(O)/dist build/dist
dist-test: root all ## install, upgrade and remove both, in a fresh Debian and under systemd
	$(MAKE) -s dist
	$(MAKE) -s O=build/next VERSION=$(VERSION).1 dist
	ROUTERCTL=$(abspath $(O)/bin/routerctl) VERSION=$(VERSION) bats $(BATSFLAGS) test/dist
	test/dist/systemd/run $(VERSION) $(VERSION).1

image: root all ## build/image: a Debian disk for each platform, or for PLATFORM= (azure aws oci pve)
	$(RM) -r $(O)/image
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/image
	image/build $(VERSION) $(O)/image build/image $(PLATFORM)
image-test: root ## boot the disk under QEMU, by UEFI and by BIOS
	test/image/boot build/image/mkosi/disk.raw

deps: root ## install what build and tests need, from Debian's packages
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends --no-upgrade \
		$(PACKAGES)
have-deps: root
	@dpkg-query -W -f ' ' $(PACKAGES) >/dev/null 2>&1 || $(MAKE) deps
root:
	@[ "$$(id -u)" = 0 ] || { echo "this needs root: namespaces and packages" >&2; exit 1; }

clean: ## remove build/
	$(RM) -r build
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
