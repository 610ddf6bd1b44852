#include "firstboot/seed.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clean.h"
#include "base/stream.h"
#include "t.h"

#define NEAR                                                                                   \
	"user-data:1:1: warning: it speaks of routerd, but not in a form that is read, as of " \
	"a line '#cloud-config' first, and then write_files with "                             \
	"/etc/routerd/first-boot.yaml: docs/user-data.md has the forms\n"
#define SHA    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECRET "QBmAbdGO1Ayu6M1wAJKHQEJuwPZQyOHNXBSJcxbBZHs=" /* has the form of a key */
#define ROUTER "apiVersion: net.routerd.net/v1alpha1\nkind: Router\nmetadata: { name: r }\n"

static struct arena *arena;

/* What is in a seed, a line each; then the faults. */
static const char *read_bytes(const char *bytes, size_t len)
{
	CLEAN(stream_done) struct stream s = { 0 };
	FILE *f = stream_open(&s);
	struct diag d = { .arena = arena };
	struct seed seed = { .form = "untouched" };
	bool ok = seed_read(arena, bytes, len, &seed, &d);
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "form", seed.form },
		{ "node", seed.node },
		{ "role", seed.role },
		{ "url", seed.config_url },
		{ "digest", seed.config_digest },
		{ "ca", seed.config_ca_file },
		{ "install", seed.no_install ? "no" : NULL },
		{ "exchange", seed.exchange },
		{ "config", seed.config },
	};

	CHECK(ok == (d.errors == 0), "%.60s", bytes);
	CHECK(ok || strcmp(seed.form, "untouched") == 0, "%.60s", bytes);
	if (ok) {
		CHECK(!seed.config || strlen(seed.config) == seed.config_len, "%s", bytes);
		CHECK(!seed.exchange || strlen(seed.exchange) == seed.exchange_len, "%s",
		      bytes);
	}
	for (size_t i = 0; ok && i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].text)
			fprintf(f, "%s: %s\n", texts[i].name, texts[i].text);
	diag_print(&d, f);
	stream_text(&s);
	return arena_strndup(arena, s.bytes, s.len);
}

static const char *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

/* ---- forms and fields ------------------------------------------------------------------- */

static const struct {
	const char *in, *out;
} good[] = {
	/* For others, or for nobody. */
	{ "", "" },
	{ "\n", "" },
	{ "hello", "" },
	{ "Hello, world: this is a text\n", "" },
	{ "#!/bin/sh\nrouterd: {}\n", "" },
	{ "#cloud-boothook\nrouterd:\n", "" },
	{ "#include\nhttps://routerd.net/\n", "" },
	{ "#cloud-config\n", "" },
	{ "#cloud-config\nhostname: x\nusers: [default]\n", "" },
	{ "#cloud-config\nhostname: [broken\n", "" },
	{ "hostname: x\nrole: y\n", "" },
	{ "kind: Pod\napiVersion: v1\n", "" },
	{ "config_url: https://h/\nconfig_sha256: x\nnode: a\nx: y\n", NEAR },
	{ "write_files:\n- path: /etc/routerd/first-boot.yaml\n", NEAR },
	{ "#cloud-config\nwrite_files:\n- path: x\n  content: 'config_url: y'\n", NEAR },
	{ "\x89PNG\r\n\x1a\n", "" },
	{ "#cloud-config\n- a list\n", "" },
	{ "## template: jinja\n#cloud-config\nhostname: {{ x }}\n", "" },
	{ "## template: jinja\n#cloud-config\nrouterd: {}\n",
	  "user-data:1:1: warning: what is in it for routerd is not seen: a template is only "
	  "cloud-init's to fill in: take '## template' out, and what it fills in\n" },
	{ "#cloud-config-archive\n- content: 'routerd: {}'\n",
	  "user-data:1:1: warning: what is in it for routerd is not seen: an archive is only "
	  "cloud-init's to open: use MIME, or one #cloud-config\n" },
	/* #cloud-config. */
	{ "#cloud-config\nrouterd: {}\n", "form: #cloud-config\n" },
	{ " \n#Cloud-Config\r\nrouterd:\r\n  node: a\r\n", "form: #cloud-config\nnode: a\n" },
	{ "\xef\xbb\xbf#cloud-config\nrouterd:\n  node: a\n",
	  "form: #cloud-config\nnode: a\n" },
	{ "#cloud-config\n{routerd: {node: a, role: b}, users: []}\n",
	  "form: #cloud-config\nnode: a\nrole: b\n" },
	{ "#cloud-config\nx: &a !!str y\nz: *a\nz: twice\n\"routerd\":\n  node: a\n# of "
	  "others\n"
	  "w: |\n  -----BEGIN PRIVATE KEY-----\n  privateKey: theirs\n",
	  "form: #cloud-config\nnode: a\n" },
	{ "#cloud-config\nrouterd:\n  node_name: a.b-c_1\n  nodeRole: cloud\n"
	  "  configUrl: https://h/p?secret=1\n  config-sha256: " SHA "\n  configCaFile: /ca\n"
	  "  installPackages: false\n",
	  "form: #cloud-config\nnode: a.b-c_1\nrole: cloud\nurl: https://h/p?secret=1\n"
	  "digest: " SHA "\nca: /ca\ninstall: no\n" },
	{ "#cloud-config\nrouterd:\n  hostname: a\n  install_packages: true\n"
	  "  config_url: http://h/p\n  config_sha256: "
	  "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n",
	  "form: #cloud-config\nnode: a\nurl: http://h/p\ndigest: " SHA "\n" },
	{ "routerd:\n  node: a\n", "form: routerd mapping\nnode: a\n" },
	{ "config_url: file:///x\nconfig_sha256: " SHA "\nnode_role: b\nhostname: a\n",
	  "form: routerd mapping\nnode: a\nrole: b\nurl: file:///x\ndigest: " SHA "\n" },
	{ "{\"nodeName\": \"a\"}", "form: routerd mapping\nnode: a\n" },
	/* A configuration within. */
	{ "#cloud-config\nrouterd:\n    config:\n        apiVersion: v\n        # why\n"
	  "        kind: Router # what\n    # not ours\n    node: a\n",
	  "form: #cloud-config\nnode: a\nconfig: apiVersion: v\n# why\nkind: Router\n\n" },
	{ "#cloud-config\nrouterd:\n  config:\n  - apiVersion: v\n    kind: A\n"
	  "    t: |\n      x\n       y\n\n  - {apiVersion: v,\n     kind: B}\n  node: a\n",
	  "form: #cloud-config\nnode: a\nconfig: ---\napiVersion: v\nkind: A\nt: |\n  x\n   y\n"
	  "---\n{apiVersion: v,\n kind: B}\n\n" },
	{ "#cloud-config\nrouterd: {resources: [{apiVersion: v, kind: \"\xc3\xbc\"},"
	  " {apiVersion: v, kind: B}]}\n",
	  "form: #cloud-config\nconfig: ---\n{apiVersion: v, kind: \"\xc3\xbc\"}\n---\n"
	  "{apiVersion: v, kind: B}\n\n" },
	{ "#cloud-config\nrouterd:\n  config: |\n    ---\n    apiVersion: v\n    kind: A\n"
	  "  role: b\n",
	  "form: #cloud-config\nrole: b\nconfig: ---\napiVersion: v\nkind: A\n\n" },
	{ "#cloud-config\nrouterd: { config: \"apiVersion: v\\nkind: A\\n\", node: a }\n",
	  "form: #cloud-config\nnode: a\nconfig: apiVersion: v\nkind: A\n\n" },
	{ "#cloud-config\nrouterd:\n  apiVersion: v\n  kind: Router\n  spec: {}\nfoo: 1\n",
	  "form: #cloud-config\nconfig: apiVersion: v\nkind: Router\nspec: {}\n\n" },
	{ ROUTER, "form: routerd configuration\nconfig: " ROUTER "\n" },
	{ "# why\n---\n" ROUTER "---\nx: y\n",
	  "form: routerd configuration\nconfig: # why\n---\n" ROUTER "---\nx: y\n\n" },
	{ "- apiVersion: a.routerd.net/v1\n  kind: X\n",
	  "form: routerd configuration\nconfig: ---\napiVersion: a.routerd.net/v1\nkind: "
	  "X\n\n" },
	{ "{\"apiVersion\": \"net.routerd.net/v1\", \"kind\": \"X\"}",
	  "form: routerd configuration\n"
	  "config: {\"apiVersion\": \"net.routerd.net/v1\", \"kind\": \"X\"}\n" },
	{ "#cloud-config\nrouterd:\n  config: |\n    apiVersion: v\n    kind: "
	  "\xc3\xbc\xc3\xbc\n"
	  "  node: a\n",
	  "form: #cloud-config\nnode: a\nconfig: apiVersion: v\nkind: \xc3\xbc\xc3\xbc\n\n" },
	/* Beside a key's place. */
	{ "#cloud-config\nrouterd:\n  config: |\n    apiVersion: v\n    kind: A\n"
	  "    privateKeyFile: /k # privateKey: made here\n    presharedKey:\n"
	  "    private_key: ''\n    x: {presharedKey: , privateKey: ~}\n",
	  "form: #cloud-config\nconfig: apiVersion: v\nkind: A\nprivateKeyFile: /k # "
	  "privateKey: "
	  "made here\npresharedKey:\nprivate_key: ''\nx: {presharedKey: , privateKey: ~}\n\n" },
	/* The exchange. */
	{ "#cloud-config\nrouterd:\n  node: a\n  exchange:\n    publish:\n"
	  "      url: \"https://h/p?s\"\n    seal: signature\n",
	  "form: #cloud-config\nnode: a\nexchange: publish:\n  url: \"https://h/p?s\"\n"
	  "seal: signature\n\n" },
	/* The form that no cloud-init complains of. */
	{ "#cloud-config\nwrite_files:\n- path: /etc/x\n  content: 'routerd: {}'\n"
	  "- path: /etc/routerd/first-boot.yaml\n  permissions: '0600'\n  content: |\n"
	  "    node: a\n    config:\n      apiVersion: v\n      kind: A\n",
	  "form: #cloud-config's file /etc/routerd/first-boot.yaml\nnode: a\n"
	  "config: apiVersion: v\nkind: A\n\n" },
	{ "#cloud-config\nwrite_files:\n- {path: /etc/routerd/first-boot.yaml, encoding: b64,"
	  " content: bm9kZTogYQo=}\n",
	  "form: #cloud-config's file /etc/routerd/first-boot.yaml\nnode: a\n" },
	/* MIME. */
	{ "MIME-Version: 1.0\nContent-Type: text/cloud-config\n\nrouterd: {node: a}\n",
	  "form: #cloud-config\nnode: a\n" },
	{ "From nobody Sat Nov 10 2012\nContent-Type: multipart/mixed;\n boundary=\"a b\"; "
	  "x=y\n"
	  "MIME-Version: 1.0\n\npreamble\n--a b \nContent-Type: "
	  "text/x-shellscript\n\n#!/bin/sh\n"
	  "routerd: x\n--a b\nContent-Type: Text/Cloud-Config; charset=\"utf-8\"\n\nhostname: "
	  "x\n"
	  "--a b \t\ncontent-type: text/cloud-config\nContent-Transfer-Encoding: Base64\n\n"
	  "cm91dGVyZDoge25v\r\nZGU6IGF9Cg==\n--a b--\n--a b\n\nrouterd: {}\n",
	  "form: #cloud-config\nnode: a\n" },
	{ "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
	  "Content-Type: multipart/alternative; boundary=BB\r\n\r\n--BB\r\n\r\nroot\r\n--BB\r\n"
	  "Content-Type: application/x-routerd\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\n=6eo=64e: =\r\na=20\r\n--BB--\r\n"
	  "--B--\r\n",
	  "form: routerd mapping\nnode: a\n" },
	{ "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\n"
	  "#cloud-config\nrouterd: {node: a}\n--B\nContent-Type: application/x-yaml\n\nx: y\n"
	  "--B\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: 8bit\n\n{}\n--B--",
	  "form: #cloud-config\nnode: a\n" },
	{ "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/yaml\n\n" ROUTER
	  "--B--\n",
	  "form: routerd configuration\n"
	  "config: apiVersion: net.routerd.net/v1alpha1\nkind: Router\nmetadata: { name: r "
	  "}\n" },
	{ "MIME-Version: 1.0\n\n#cloud-config\nrouterd: {node: a}\n",
	  "form: #cloud-config\nnode: a\n" },
	{ "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nkind: Router\r\n--B--",
	  "form: routerd configuration\nconfig: kind: Router\n" },
	/* Broken, but nothing to us. */
	{ "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: image/png\n"
	  "Content-Transfer-Encoding: base64\n\n!\n--B\n\nfoo\n",
	  "" },
};

static void test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const char *out = read_text(good[i].in);

		CHECK(strcmp(out, good[i].out) == 0, "%zu:\n%s\ngives\n%s\nnot\n%s", i,
		      good[i].in, out, good[i].out);
	}
}

/* ---- faults ----------------------------------------------------------------------------- */

#define NODE                                                                                   \
	"want a name: at most 63 letters, digits, '.', '_' and '-', the first a letter or "    \
	"digit"
#define DIG "want the 64 hexadecimal digits that 'sha256sum FILE' prints"
#define NAMES                                                                                  \
	"node, node_role, config, resources, config_url, config_sha256, config_ca_file, "      \
	"exchange, install_packages"
#define CONFIG                                                                                 \
	"want a configuration: a map with apiVersion and kind, a list of such maps, or "       \
	"either "                                                                              \
	"as a text"
#define RESOURCE "want a resource: a map with apiVersion and kind"

/* Each line as "line:column: words" in user-data. */
static const struct {
	const char *in, *out;
} bad[] = {
	{ "#cloud-config\n\nrouterd:\n    # \xc3\xbc\n    nodes: a\n    node: -a\n",
	  "5:5: no field nodes; there are " NAMES "\n6:11: node: " NODE "\n" },
	{ "#cloud-config\na: \xc3\xbc\nrouterd: {node: [], role: '',"
	  " install_packages: 'true', config_ca_file: {}}\n",
	  "3:17: node: " NODE "\n3:27: role: " NODE "\n"
	  "3:49: install_packages: want true or false\n"
	  "3:57: config_ca_file: it is for config_url; want that, too\n"
	  "3:73: config_ca_file: want the path of a file, from / on\n" },
	{ "#cloud-config\nrouterd: { " SECRET ": x }\n",
	  "2:12: no field of that name; there are " NAMES "\n" },
	{ "#cloud-config\nrouterd:\n", "2:9: want a map of " NAMES "\n" },
	{ "#cloud-config\nrouterd: [a]\n", "2:10: want a map of " NAMES "\n" },
	{ "#cloud-config\nx: &x {node: a}\nrouterd: *x\n",
	  "3:10: aliases (*name) are not accepted; write the value out\n" },
	{ "#cloud-config\nrouterd: &x\n  node: !!str a\n",
	  "2:10: anchors (&name) are not accepted; write the value out\n" },
	{ "#cloud-config\nrouterd:\n  node: a\n  node: b\n",
	  "4:3: key 'node' is here twice; the first is in line 3\n" },
	{ "#cloud-config\nrouterd:\n  node: a\n  hostname: b\n",
	  "4:3: hostname: there is node already, which is the same; want one\n" },
	{ "#cloud-config\nrouterd: {node: a}\nx: 1\nrouterd: {node: b}\n",
	  "4:1: a second part for routerd; the first is in user-data, line 2: want one\n" },
	{ "#cloud-config\nrouterd: {node: a}\nwrite_files:\n"
	  "  - path: /etc/routerd/first-boot.yaml\n    content: 'node: b'\n",
	  "4:5: a second part for routerd; the first is in user-data, line 2: want one\n" },
	{ "#cloud-config\nrouterd:\n  node: a\n bad\n",
	  "4:2: not YAML: did not find expected key, while parsing a block mapping\n" },
	{ "#cloud-config\nx: [\nrouterd:\n",
	  "4:1: not YAML: did not find expected node content, while parsing a flow node\n" },
	{ "apiVersion: net.routerd.net/v1\nkind: A\nb: [\n",
	  "4:1: not YAML: did not find expected node content, while parsing a flow node\n" },
	{ "apiVersion: net.routerd.net/v1\nkind: A\nb: *x\n",
	  "3:4: aliases (*name) are not accepted; write the value out\n" },
	/* config_url. */
	{ "#cloud-config\nrouterd:\n  config_url: https://h/p\n",
	  "3:3: config_url: want config_sha256, too: the digest that 'sha256sum FILE' prints "
	  "proves that what comes from there is what was meant\n" },
	{ "#cloud-config\nrouterd:\n  config_sha256: " SHA "\n",
	  "3:3: config_sha256: it is the digest of what config_url names; want that, too\n" },
	{ "#cloud-config\nrouterd:\n  configUrl: ftp://h/p\n  configSha256: " SHA "0\n",
	  "3:14: configUrl: a URL of scheme ftp: only http, https and file are taken\n"
	  "4:17: configSha256: " DIG "\n" },
	{ "#cloud-config\nrouterd:\n  config_url: file://host/p\n  config_sha256: x"
	  "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
	  "3:15: config_url: want file:///PATH of a file here\n4:18: config_sha256: " DIG
	  "\n" },
	{ "#cloud-config\nrouterd:\n  config_url: [x]\n  config_sha256:\n",
	  "3:15: config_url: want a URL of http, https or file\n4:17: config_sha256: " DIG
	  "\n" },
	{ "#cloud-config\nrouterd:\n  config_url: file:///p%00x\n  config_sha256: " SHA "\n",
	  "3:15: config_url: want file:///PATH of a file here\n" },
	{ "#cloud-config\nrouterd:\n  config_url: http://\n  config_sha256: " SHA "\n",
	  "3:15: config_url: a URL without a host: want http://HOST/PATH or "
	  "https://HOST/PATH\n" },
	{ "#cloud-config\nrouterd:\n  config_url: https://h/\n  config_sha256: " SHA "\n"
	  "  config: {apiVersion: v, kind: A}\n  resources: [{apiVersion: v, kind: A}]\n",
	  "3:3: config_url: there is config already; want one\n"
	  "3:3: config_url: there is resources already; want one\n"
	  "6:3: resources: there is config already; want one\n" },
	/* Configurations. */
	{ "#cloud-config\nrouterd:\n  config: x\n  resources: {}\n",
	  "3:11: " RESOURCE "\n4:3: resources: there is config already; want one\n"
	  "4:14: resources: want a list of resources, each a map with apiVersion and kind\n" },
	{ "#cloud-config\nrouterd:\n  config: {kind: x}\n", "3:11: config: " CONFIG "\n" },
	{ "#cloud-config\nrouterd:\n  config:\n", "3:10: config: " CONFIG "\n" },
	{ "#cloud-config\nrouterd:\n  config: []\n", "3:11: config: " CONFIG "\n" },
	{ "#cloud-config\nrouterd:\n  resources: [{apiVersion: v, kind: A}, x]\n",
	  "3:41: " RESOURCE "\n" },
	{ "#cloud-config\nrouterd:\n  config: |\n\n      apiVersion: v\n      kind: A\n"
	  "      x: *y\n",
	  "7:10: aliases (*name) are not accepted; write the value out\n" },
	{ "#cloud-config\nrouterd:\n  config: |\n   \n      apiVersion: v\n      kind: *y\n",
	  "6:13: aliases (*name) are not accepted; write the value out\n" },
	{ "#cloud-config\nrouterd: {config: \"{apiVersion: v, kind: \xc3\xbc}\", nod: a}\n",
	  "2:47: no field nod; there are " NAMES "\n" },
	{ "#cloud-config\nrouterd:\n  config: |2\n      apiVersion: v\n    kind: A\n",
	  "5:5: not YAML: did not find expected <document start>\n" },
	{ "#cloud-config\nrouterd:\n  config: |\n    apiVersion: v\n    kind: A\n    ---\n"
	  "    - x\n",
	  "7:1: " RESOURCE "\n" },
	{ "#cloud-config\nrouterd:\n  config:\n    apiVersion: v\n    kind: A\n    x: !t y\n",
	  "6:8: tags (!name) are not accepted\n" },
	/* The exchange's own words, and where. */
	{ "#cloud-config\nrouterd:\n  exchange:\n    publish:\n      url: http://hunter2/\n",
	  "4:5: publish: want seal: signature or secret, too\n"
	  "5:12: url: a URL of scheme http: only https:// is taken; what goes over another can "
	  "be "
	  "read and changed on the way\n" },
	{ "#cloud-config\nrouterd:\n  exchange: yes\n",
	  "3:13: exchange: want a map, as /etc/routerd/exchange.yaml holds one\n" },
	/* write_files. */
	{ "#cloud-config\nwrite_files:\n  - path: /etc/routerd/first-boot.yaml\n",
	  "3:5: want content, the text of /etc/routerd/first-boot.yaml\n" },
	{ "#cloud-config\nwrite_files:\n  - path: /etc/routerd/first-boot.yaml\n"
	  "    content: |\n\n      node: a\n      x: y\n",
	  "7:7: no field x; there are " NAMES "\n" },
	{ "#cloud-config\nwrite_files:\n  - path: /etc/routerd/first-boot.yaml\n"
	  "    content: bm9k\n    encoding: gz+b64\n",
	  "4:14: content: it cannot be unpacked as its encoding says\n" },
};

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *out = read_text(bad[i].in), *want = "";
		char *rest = arena_strndup(arena, bad[i].out, strlen(bad[i].out));

		for (char *line = strsep(&rest, "\n"); line && *line;
		     line = strsep(&rest, "\n")) {
			char *words = strstr(line, ": ");

			*words = '\0';
			want = arena_printf(arena, "%suser-data:%s: error: %s\n", want, line,
					    words + 2);
		}
		CHECK(strcmp(out, want) == 0, "%zu:\n%s\ngives\n%s\nnot\n%s", i, bad[i].in, out,
		      want);
	}
}

/* ---- secrets ---------------------------------------------------------------------------- */

/* Where the one fault is. */
static const struct {
	const char *in, *at;
} secrets[] = {
	{ "#cloud-config\nrouterd:\n  config:\n    apiVersion: v\n    privateKey: " SECRET "\n",
	  "5:5" },
	{ "#cloud-config\nrouterd:\n  config: |\n    apiVersion: v\n    privateKey: " SECRET
	  "\n",
	  "5:5" },
	{ "#cloud-config\nrouterd: {config: \"kind: x\\nprivateKey: " SECRET "\"}\n", "2:28" },
	{ "#cloud-config\nrouterd:\n  private_key: '" SECRET "'\n  nodes: x\n", "3:3" },
	{ "#cloud-config\nrouterd:\n  node: a\n  config: |\n    [Interface]\n    PrivateKey "
	  "= " SECRET "\n",
	  "6:5" },
	{ "#cloud-config\nrouterd:\n  resources:\n  - {apiVersion: v, presharedKey: " SECRET
	  "}\n",
	  "4:21" },
	{ "#cloud-config\nrouterd:\n  x:\n    wg-private-key:\n      " SECRET "\n", "4:5" },
	{ "#cloud-config\nrouterd:\n  x:\n    ? privateKey\n    : " SECRET "\n", "4:7" },
	{ "#cloud-config\nrouterd:\n  \"private\\x4bey\": " SECRET "\n", "3:3" },
	{ "#cloud-config\nrouterd: {x: \"-----BEGIN PRIVATE\\x20KEY-----\", y: " SECRET "}\n",
	  "2:14" },
	{ "#cloud-config\nrouterd:\n  x: |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n   "
	  " " SECRET "\n",
	  "4:24" },
	{ "#cloud-config\nrouterd:\n  node: a\n  # privateKey: " SECRET "\n  role: a\n",
	  "4:5" },
	{ ROUTER "spec:\n  presharedKey: " SECRET "\n", "5:3" },
	{ ROUTER "spec:\n  privateKey:\n    " SECRET "\n", "5:3" },
	{ ROUTER "spec: [\n  privateKey: " SECRET "\n", "5:3" },
	{ ROUTER "spec: [\n  private-key: " SECRET "\n", "5:3" },
	{ "#cloud-config\nrouterd: {config: \"Private\\x4bey = " SECRET "\"}\n", "2:19" },
	{ "#cloud-config\nwrite_files:\n- path: /etc/routerd/first-boot.yaml\n  content: |\n"
	  "    x: [\n    private_key: " SECRET "\n",
	  "6:5" },
	{ "{\"apiVersion\": \"routerd.net/v1\", \"privateKey\": \"" SECRET "\"}", "1:35" },
	{ "node_name: a\nnode_role: k\nconfig:\n  privateKey: " SECRET "\n", "4:3" },
	{ "#cloud-config\nwrite_files:\n- path: /etc/routerd/first-boot.yaml\n  content: |\n"
	  "    private_key: " SECRET "\n",
	  "5:5" },
};

static void test_secrets(void)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		const char *out = read_text(secrets[i].in);
		const char *want =
		    arena_printf(arena, "user-data:%s: error: a pr", secrets[i].at);
		const char *newline = strchr(out, '\n');

		CHECK(strncmp(out, want, strlen(want)) == 0, "%zu:\n%s\ngives\n%s\nnot\n%s", i,
		      secrets[i].in, out, want);
		CHECK(newline && !newline[1], "%zu: more than one fault:\n%s", i, out);
		CHECK(strstr(out, "take it out"), "%zu: no remedy", i);
		CHECK(!strstr(out, "QBm"), "%zu: shown:\n%s", i, out);
	}
}

/* ---- packed ----------------------------------------------------------------------------- */

static const char *gzip(const char *bytes, size_t len, size_t *ret_len)
{
	size_t room = compressBound(len) + 64;
	char *buf = arena_alloc(arena, room);
	z_stream z = { .next_in = (z_const Bytef *)bytes, .avail_in = (uInt)len };

	z.next_out = (Bytef *)buf;
	z.avail_out = (uInt)room;
	CHECK(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0) == Z_OK, "zlib");
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib");
	*ret_len = z.total_out;
	deflateEnd(&z);
	return buf;
}

static const char *base64(const char *bytes, size_t len, size_t *ret_len)
{
	int variant = sodium_base64_VARIANT_ORIGINAL;
	size_t room = sodium_base64_encoded_len(len, variant);
	char *buf = arena_alloc(arena, room);

	sodium_bin2base64(buf, room, (const unsigned char *)bytes, len, variant);
	*ret_len = strlen(buf);
	return buf;
}

/* layers: of "gzip" and "base64", first letter each, from within. */
static const char *packed(const char *layers, const char *text, size_t *ret_len)
{
	*ret_len = strlen(text);
	for (; *layers; layers++)
		text = (*layers == 'g' ? gzip : base64)(text, *ret_len, ret_len);
	return text;
}

static void test_packed(void)
{
	static const char seed[] = "#cloud-config\nrouterd: {node: a}\n";
	static const char seen[] = "form: #cloud-config\nnode: a\n";
	static const struct {
		const char *layers, *out;
	} cases[] = {
		{ "", seen },	  { "g", seen },
		{ "b", seen },	  { "gb", seen },
		{ "bg", seen },	  { "gbg", seen },
		{ "gbgb", seen }, { "ggggg", "user-data: error: packed in too many layers\n" },
	};
	size_t len, more;
	const char *bytes, *again;
	char *both;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bytes = packed(cases[i].layers, seed, &len);
		again = read_bytes(bytes, len);
		CHECK(strcmp(again, cases[i].out) == 0, "%s: %s", cases[i].layers, again);
	}
	/* Cut anywhere it is an error, and never a shorter seed. */
	bytes = packed("g", seed, &len);
	for (size_t n = 3; n < len; n++)
		CHECK(strcmp(read_bytes(bytes, n),
			     "user-data: error: gzip that is damaged or cut off\n") == 0,
		      "%zu bytes", n);
	/* Two members; zeros after the last; something else after it. */
	again = packed("g", "x: y\n", &more);
	both = arena_alloc(arena, len + more + 8);
	memcpy(mempcpy(both, bytes, len), again, more);
	CHECK(strcmp(read_bytes(both, len + more), seen) == 0, "%s",
	      read_bytes(both, len + more));
	CHECK(strcmp(read_bytes(both, len + more + 8), seen) == 0, "zeros");
	both[len + more + 7] = 'x';
	CHECK(strstr(read_bytes(both, len + more + 8), "damaged"), "a tail");
}

static void test_bombs(void)
{
	size_t len, size = SEED_BYTES;
	char *big = arena_alloc(arena, size + 1), *both;
	const char *bytes;

	memset(big, '\n', size + 1);
	memcpy(big, "#cloud-config\nrouterd: {node: a}\n", 33);
	CHECK(strncmp(read_bytes(big, size), "form", 4) == 0, "as large as may be");
	CHECK(strstr(read_bytes(big, size + 1), "user-data: error: more than 4194304 bytes"),
	      "too large");
	bytes = gzip(big, size, &len);
	CHECK(strncmp(read_bytes(bytes, len), "form", 4) == 0, "as large as may be, in gzip");
	bytes = gzip(big, size + 1, &len);
	CHECK(strcmp(read_bytes(bytes, len),
		     "user-data: error: gzip of more than 4194304 bytes\n") == 0,
	      "too large, in gzip");
	both = arena_alloc(arena, 2 * len);
	memcpy(mempcpy(both, bytes, len), bytes, len);
	CHECK(strstr(read_bytes(both, 2 * len), "gzip of more"), "twice as much, in gzip");
	/* Deep, wide and dense: an end is found to all. */
	memset(big, '[', size);
	memcpy(big, "#cloud-config\nrouterd: ", 23);
	CHECK(strstr(read_bytes(big, size), "nested too deep"), "deep");
	for (size_t i = 27; i + 5 < size; i += 5)
		memcpy(big + i, "\n- {}", 5);
	memcpy(big, "#cloud-config\nwrite_files:\n", 27);
	CHECK(strcmp(read_bytes(big, 27 + 5 * 100000), "") == 0, "wide");
	memcpy(big, "#cloud-config\n#routerd:\nx:\n", 27);
	CHECK(strstr(read_bytes(big, 27 + 5 * 200000), "too many values"), "too wide");
	for (size_t i = 0; i + 8 < size; i += 8)
		memcpy(big + i, "%TAG !a ", 8);
	memcpy(big, "#cloud-config\n%TAG routerd: ", 28);
	CHECK(strstr(read_bytes(big, size), "%TAG lines are not accepted"), "directives");
}

/* ---- MIME ------------------------------------------------------------------------------- */

static void test_mime(void)
{
#define HEAD "Content-Type: multipart/mixed; boundary=B\n\n"
#define PART "--B\nContent-Type: text/cloud-config\n"
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ HEAD PART "\nrouterd: {node: a}\n" PART "\nx: 1\nrouterd: {node: b}\n--B--\n",
		  "user-data part 2:2:1: error: a second part for routerd; the first is in "
		  "user-data part 1, line 1: want one\n" },
		{ HEAD PART "\nrouterd: {node: a}\n", "user-data: error: the MIME message: its "
						      "last line, --B--, is missing: it was "
						      "cut off, or that line was forgotten\n" },
		{ HEAD PART "\nx: 1\n" PART "\n\nrouterd: {nod: a}\n--B--\n",
		  "user-data part 2:2:11: error: no field nod; there are " NAMES "\n" },
		{ HEAD PART "Content-Transfer-Encoding: base64\n\n*\n--B--\n",
		  "user-data part 1: error: it says Content-Transfer-Encoding: base64, and is "
		  "none: cut off, or encoded otherwise\n" },
		{ HEAD PART "Content-Transfer-Encoding: quoted-printable\n\na=3\n--B--\n",
		  "user-data part 1: error: it says Content-Transfer-Encoding: "
		  "quoted-printable, "
		  "and is none: an '=' without two digits after it\n" },
		{ HEAD PART "Content-Transfer-Encoding: uuencode\n\nx\n--B--\n",
		  "user-data part 1: error: its Content-Transfer-Encoding is not known: use "
		  "base64\n" },
		{ "Content-Type: multipart/mixed\n\n" PART "\nrouterd: {}\n--B--\n",
		  "user-data: error: the MIME message: a multi-part whose Content-Type names "
		  "no "
		  "boundary, or one of more than 70 bytes\n" },
		{ HEAD "--B\nContent-Type: text/x-routerd\n\nx: y\n--B--\n",
		  "user-data part 1:1:1: error: no field x; there are " NAMES "\n" },
		{ HEAD PART "\nrouterd: {privateKey: " SECRET "}\n--B--\n",
		  "user-data part 1:1:11: error: a private key in user-data, which everybody "
		  "who "
		  "can ask the metadata service can read: take it out, and the node makes its "
		  "own; privateKeyFile says where\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *out = read_text(cases[i].in);

		CHECK(strcmp(out, cases[i].out) == 0, "%zu:\n%s\ngives\n%s\nnot\n%s", i,
		      cases[i].in, out, cases[i].out);
	}
}

static void test_mime_limits(void)
{
	CLEAN(stream_done) struct stream s = { 0 };
	FILE *f = stream_open(&s);

	fputs("Content-Type: multipart/mixed; boundary=B\n\n", f);
	for (int i = 0; i < 257; i++)
		fputs("--B\n\nx\n", f);
	fputs("--B\n\n#cloud-config\nrouterd: {}\n--B--\n", f);
	CHECK(strstr(read_text(stream_text(&s)), "more than 256 parts"), "parts");
	stream_done(&s);
	f = stream_open(&s);
	for (int i = 0; i < 10; i++)
		fprintf(f, "%sContent-Type: multipart/mixed; boundary=B%d\n\n--B%d\n",
			i ? "" : "MIME-Version: 1.0\n", i, i);
	fputs("Content-Type: text/cloud-config\n\nrouterd: {}\n", f);
	CHECK(strstr(read_text(stream_text(&s)), "too many"), "levels");
	stream_done(&s);
	f = stream_open(&s);
	fputs("MIME-Version: 1.0\nContent-Type: text/cloud-config\nX: ", f);
	fprintf(f, "%*s\n\nrouterd: {}\n", 20000, "");
	CHECK(strstr(read_text(stream_text(&s)), "headers are longer"), "headers");
}

/* What is known to be wrong with something else is not a fault of this. */
static void test_faults_before(void)
{
	struct diag d = { .arena = arena };
	struct seed seed;

	diag_error(&d, (struct mark){ "another", 1, 1 }, "x");
	CHECK(seed_read(arena, "node_name: a", 12, &seed, &d), "refused");
}

/* A text of more than what one value may be elsewhere. */
static void test_long_text(void)
{
	CLEAN(stream_done) struct stream s = { 0 };
	FILE *f = stream_open(&s);
	struct diag d = { .arena = arena };
	struct seed seed;

	fputs("#cloud-config\nlong: \"", f);
	fprintf(f, "%*s\"\nrouterd:\n  config: |\n    apiVersion: v\n    kind: A\n", 100000,
		"");
	for (int i = 0; i < 1000; i++)
		fputs("    # some line of a configuration\n", f);
	fputs("  node: a\n", f);
	stream_text(&s);
	CHECK(seed_read(arena, s.bytes, s.len, &seed, &d), "long");
	CHECK(seed.config_len == 22 + 31 * 1000, "%zu", seed.config_len);
	CHECK(seed.node && strcmp(seed.node, "a") == 0, "what is after it");
}

int main(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	arena = a;
	test_good();
	test_bad();
	test_secrets();
	test_packed();
	test_bombs();
	test_mime();
	test_mime_limits();
	test_faults_before();
	test_long_text();
	return t_failed;
}
