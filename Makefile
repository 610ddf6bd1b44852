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
	bats bats-assert bats-file bats-support jq openssl python3 python3-prometheus-client python3-jsonschema python3-yaml groff-base zsh iproute2 iputils-ping \
	tcpdump nftables iptables wireguard-tools wireguard-go socat procps util-linux bsdutils \
	mount e2fsprogs kmod cpio xz-utils strace systemd qemu-system-x86 diffutils findutils grep hostname dnsmasq-base dropbear-bin \
	mawk netbase dash sed coreutils git zstd debootstrap dpkg dpkg-dev apt-utils dnf rpm createrepo-c \
	gnupg gpgv genisoimage dosfstools ovmf qemu-utils fdisk mtools debian-archive-keyring openssh-client graphviz

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
parts    := $(program) $(base) $(pure) $(kernel) $(keys) $(addprefix providers/,action.c nicref.c)
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
scripts  := $(shell grep -rlE '^\#!.*/(sh|bash|env bash)$$' --exclude="*.md" --exclude="*.out" --exclude-dir="*.corpus" .ci test docs image 2>/dev/null) $(wildcard test/lib/*.bash test/vm/*/*.bash docs/completion/*.bash)

$(if $(word 2,$(CURDIR)),$(error the path $(CURDIR) has a space, which make cannot take: move the tree))

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all tools deps have-deps root check test demo smoke provider unit golden netns packages vm service fuzz lint \
	layers writers format tidy analyze clang inspect reference bench soak install dist dist-test \
	image image-tree image-check image-test image-repro FORCE \
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
$(O)/docs/%: $(O)/docs/%.o $(call objects,$(parts))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/version: FORCE
	@mkdir -p $(@D) && echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:
$(O)/%.o: %.c $(O)/version
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# ---- checks: cheap first -----------------------------------------------------
BOTH    = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j2) # processors, unless who called shares them out
NETNS  := $(patsubst test/netns/%.bats,%,$(shell ls -S test/netns/*.bats))
KERNEL := apply wireguard
CORE   := serve rotate fabric traffic $(KERNEL)
check: root have-deps ## the fast gate: lint, unit, golden, the namespaces of CORE under ASan and UBSan
	$(MAKE) lint
	$(MAKE) BUILD=asan unit golden netns NETNS='$(CORE)'
	$(MAKE) BUILD=release all

test: root have-deps ## everything: all namespaces, analyzers, fuzz, VM, image, smoke
	$(MAKE) -j2 -Otarget check inspect CORE='$(NETNS)'
	$(MAKE) -j2 -Otarget image packages vm dist-test service fuzz SECONDS=10
	$(MAKE) image-check image-test smoke
	$(MAKE) bench
	test/fresh-clone

PROVIDER ?= azure
provider:
	@case '$(PROVIDER)' in azure | aws | oci) ;; \
	*) echo "PROVIDER is azure, aws or oci, not '$(PROVIDER)'" >&2; exit 2 ;; esac
demo: root provider have-deps image ## a cloud and a Proxmox VE site, from power-on to checked traffic; PROVIDER=azure|aws|oci
	test/vm/fabric/smoke $(PROVIDER)
smoke: root have-deps image ## the demo with each provider, and what goes wrong at real sites
	set -e; for p in azure aws oci; do test/vm/fabric/smoke $$p; done
	bats $(BATSFLAGS) test/vm/fabric

unit: $(patsubst %.c,$(O)/%,$(wildcard test/unit/*.c)) ## C tests, no root
	@set -e; for t in $^; do $$t; done; echo "unit: $(words $^) programs passed"

golden: all ## configurations against test/golden and the schema; UPDATE=1 rewrites the former
	ROUTERCTL=$(abspath $(O)/bin/routerctl) test/golden/run
	ROUTERCTL=$(abspath $(O)/bin/routerctl) test/schema

tools: $(patsubst %.c,$(O)/%,$(wildcard test/tools/*.c))
netns: root all tools ## bats in network namespaces; NETNS='FILE...'
	+@$(MAKE) -s -j6 -Otarget $(NETNS:%=netns-%)
netns-%: test/netns/%.bats
	ROUTERCTL=$(abspath $(O)/bin/routerctl) bats $(BATSFLAGS) $<

packages: root all tools ## apt and dnf, through what mirrors do, in folders of their own
	ROUTERCTL=$(abspath $(O)/bin/routerctl) bats $(BATSFLAGS) test/packages

vm: root all tools ## KERNEL='FILE...' of the namespaces once more, as released, with the kernel's WireGuard
	+@$(MAKE) -s $(BOTH) -Otarget $(KERNEL:%=vm-%)
vm-%: test/netns/%.bats
	test/vm/run --timeout 1800 --add $(CURDIR)/test --add $(CURDIR)/$(O)/bin \
		--add $(CURDIR)/$(O)/test/tools \
		--add $(CURDIR)/examples -- env ROUTERCTL=$(CURDIR)/$(O)/bin/routerctl \
		bats --tap $(CURDIR)/$<

service: root all ## the units under systemd, in a virtual machine
	$(RM) -r $(O)/root
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/root
	test/vm/run --systemd --timeout 600 --add $(CURDIR)/test --add $(CURDIR)/$(O)/root:/ \
		--add /usr/bin/wireguard-go --add /usr/bin/genisoimage --add /usr/sbin/mkfs.fat \
		-- bats --tap $(BATSFLAGS) $(CURDIR)/test/service

fuzz: ## each fuzzer for SECONDS (60)
	$(MAKE) $(BOTH) -Otarget BUILD=fuzz CC=clang$(LLVM) $(patsubst test/fuzz/%.c,fuzz-%,$(wildcard test/fuzz/*.c))
fuzz-%: $(O)/test/fuzz/%
	@mkdir -p $<.corpus
	$< -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=4096 -timeout=20 \
		$(if $(wildcard test/fuzz/$*.dict),-dict=test/fuzz/$*.dict) -print_final_stats=1 \
		-artifact_prefix=$<- $<.corpus test/fuzz/$*.corpus

lint: layers ## formatting, shell, layers, units; what is made of the tables is current
	clang-format$(LLVM) --dry-run -Werror $(sources)
	shellcheck -x $(scripts)
	shellcheck --include=SC2314,SC2315 $(wildcard test/*/*.bats test/*/*/*.bats) # what cannot fail
	$(MAKE) BUILD=dev writers
	docs/make build/dev/docs check
	test/units
layers: ## no room includes a room above it
	test/layers.sh
format: ## rewrite the sources in the house's form
	clang-format$(LLVM) -i $(sources)
writers: $(addprefix $(O)/docs/,reference schema man)
reference: ## rewrite from the tables: docs/reference.md, the schema, the lists of the manual
	$(MAKE) BUILD=dev writers
	docs/make build/dev/docs
clang: ## no warning from clang, as none from gcc, which builds the rest
	$(MAKE) O=build/clang BUILD=dev CC=clang$(LLVM) all
tidy: ## clang-tidy
	+@$(MAKE) -s -j2 $(addsuffix .tidy,$(filter %.c,$(filter-out test/%,$(sources))))
%.tidy: %
	clang-tidy$(LLVM) --quiet $< -- $(CPPFLAGS) -std=c17
analyze: ## gcc -fanalyzer
	$(MAKE) O=build/analyzer BUILD=dev CC=gcc WERROR='-O1 -fanalyzer -Werror' all
inspect: ## what clang, gcc -fanalyzer and clang-tidy find
	nice -n 19 $(MAKE) clang analyze tidy
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
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/docs docs/*.md docs/routerd.schema.json
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/docs/providers docs/providers/*.md
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/routerd/examples examples/*.yaml
	for n in 1 5 8; do install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man$$n docs/man/*.$$n || exit; done
	install -Dm644 docs/completion/routerctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/routerctl
	for d in vendor-completions site-functions; do \
		install -Dm644 -t $(DESTDIR)$(PREFIX)/share/zsh/$$d docs/completion/_routerctl || exit; done

dist: all ## build/dist: an archive with an installer, and a Debian package
	$(RM) -r $(O)/dist
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/dist
	image/package/build $(VERSION) $(O)/dist build/dist
dist-test: root all ## install, upgrade and remove both, in a fresh Debian and under systemd
	$(MAKE) -s dist
	$(MAKE) -s $(BOTH) O=build/next VERSION=$(VERSION).1 dist
	ROUTERCTL=$(abspath $(O)/bin/routerctl) VERSION=$(VERSION) bats $(BATSFLAGS) test/dist
	test/dist/systemd/run $(VERSION) $(VERSION).1

image-tree: all
	$(RM) -r $(O)/image
	$(MAKE) -s install DESTDIR=$(CURDIR)/$(O)/image
image: root have-deps image-tree ## build/image: a Debian disk for each platform, or for PLATFORM= (azure aws oci pve; debug)
	image/build $(VERSION) $(O)/image build/image $(PLATFORM)
image-check: root have-deps ## what must not be in the finished disks, and what must; UPDATE=1 rewrites image/expected
	image/check $(wildcard build/image/routerd-*.raw build/image/routerd-*.vhd build/image/routerd-*.qcow2)
image-test: root have-deps ## plant what image-check must find; boot the disk by UEFI and by BIOS; IMAGE=, KEEP=
	bats $(BATSFLAGS) test/image/build.bats
	+@$(MAKE) -s -j2 -Otarget image-test-compare image-test-check image-test-sbom
	test/vm/image/run $(or $(IMAGE),build/image/mkosi/disk.raw) $(BATSFLAGS)
image-test-%: test/image/%.bats
	bats $(BATSFLAGS) $<
image-repro: root have-deps image-tree ## build the image twice from nothing, and compare
	$(RM) -r build/repro
	set -e; for n in 1 2; do image/build $(VERSION) $(O)/image build/repro/$$n; done
	image/compare build/repro/1 build/repro/2
	$(RM) -r build/repro

deps: root ## install what build and tests need, from Debian's packages
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends --no-upgrade \
		$(PACKAGES)
	image/mkosi build/image --version
have-deps: root
	@dpkg-query -W -f ' ' $(PACKAGES) >/dev/null 2>&1 || $(MAKE) deps
root:
	@[ "$$(id -u)" = 0 ] || { echo "this needs root: namespaces and packages" >&2; exit 1; }

clean: ## remove build/
	$(RM) -r build
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
