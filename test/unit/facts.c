/* What first boot wrote of the machine is read as it was written, and fills in 'auto'. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/facts.h"
#include "base/file.h"
#include "base/stream.h"
#include "config/auto.h"
#include "config/config.h"
#include "t.h"

#define PATH_MOST 64

static char path[PATH_MOST];

static struct facts read_text(struct arena *a, const char *text)
{
	struct facts f = { 0 };
	int r = file_write(path, text, strlen(text), 0600);

	CHECK(r == 0, "%s", strerror(-r));
	r = facts_read(a, path, &f);
	CHECK(r == 0, "%s: %s", text, strerror(-r));
	return f;
}

static const char *write_text(struct arena *a, const struct facts *f)
{
	struct stream s = { 0 };
	struct out o;
	const char *text;

	out_open(&o, stream_open(&s), OUT_JSON);
	facts_out(&o, f);
	out_close(&o);
	text = arena_printf(a, "%s", stream_text(&s));
	stream_done(&s);
	return text;
}

static void check_round(struct arena *a)
{
	static const char whole[] =
	    "{\"provider\": \"azure\", \"source\": \"metadata\", \"instanceId\": \"i-1\", "
	    "\"name\": \"rt\", \"region\": \"r\", \"zone\": \"1\", \"subscriptionID\": \"s\", "
	    "\"resourceGroup\": \"g\", \"compartmentID\": \"c\", \"project\": \"p\", "
	    "\"userData\": {\"path\": \"/run/u\", \"sha256\": \"00\"}, \"nics\": [{\"name\": "
	    "\"eth0\", \"mac\": \"00:0d:3a:00:00:01\", \"nicRef\": \"ref\", \"mtu\": 9000, "
	    "\"addresses\": [\"10.0.0.4\", \"fd00::4\"], \"subnet\": \"10.0.0.0/24\", "
	    "\"virtualRouter\": \"10.0.0.1\", \"publicAddress\": \"203.0.113.4\"}, "
	    "{\"mac\": \"00:0d:3a:00:00:02\"}]}";
	struct facts f = read_text(a, whole), g;

	CHECK(f.nic_count == 2 && f.nics[0].address_count == 2 && f.nics[0].mtu == 9000,
	      "%zu NICs", f.nic_count);
	CHECK(strcmp(f.user_data, "/run/u") == 0 && strcmp(f.project, "p") == 0, "texts");
	CHECK(f.nics[1].name == NULL && f.nics[1].mtu == 0 && !f.nics[1].subnet.family,
	      "something where nothing was said");
	g = read_text(a, write_text(a, &f));
	CHECK(strcmp(write_text(a, &f), write_text(a, &g)) == 0, "%s", write_text(a, &g));
}

static void check_damaged(struct arena *a)
{
	static const char *const damaged[] = { "", "{", "[]", "nonsense: [", "\x01" };
	struct facts f = { .name = "untouched" };

	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		CHECK(file_write(path, damaged[i], strlen(damaged[i]), 0600) == 0, "write");
		CHECK(facts_read(a, path, &f) == -EBADMSG, "%s", damaged[i]);
	}
	CHECK(unlink(path) == 0 && facts_read(a, path, &f) == -ENOENT, "gone");
	CHECK(strcmp(f.name, "untouched") == 0, "touched on failure");
	f = read_text(a, "{\"nics\": [1, {\"mtu\": 70000, \"subnet\": \"x\", \"name\": null, "
			 "\"addresses\": [\"y\", {}, \"10.0.0.4\"]}], \"name\": [], "
			 "\"later\": {\"a\": 1}}");
	CHECK(f.nic_count == 1 && f.nics[0].mtu == 0 && !f.nics[0].name && !f.name &&
		  f.nics[0].address_count == 1,
	      "odd parts are not passed over");
}

/* ---- auto ------------------------------------------------------------------------------- */

#define NET "{apiVersion: net.routerd.net/v1alpha1, "
#define HYB "{apiVersion: hybrid.routerd.net/v1alpha1, "
#define KEY "PeerOnePeerOnePeerOnePeerOnePeerOnePeerOneA="

static const char site[] =
    NET "kind: WireGuardInterface, metadata: {name: wg0}, spec: {privateKeyFile: "
	"/nonexistent/k, listenPort: 4500, endpoint: auto}}\n---\n" NET
	"kind: WireGuardPeer, metadata: {name: a}, spec: {interface: wg0, publicKey: " KEY
	"}}\n---\n" HYB "kind: OverlayPeer, metadata: {name: a}, spec: {role: cloud, underlay: "
	"{type: wireguard, interface: wg0}}}\n---\n" HYB
	"kind: AddressMobilityDomain, metadata: {name: d}, spec: {prefix: 10.0.0.0/24, "
	"peerRef: a}}\n---\n" HYB "kind: RemoteAddressClaim, metadata: {name: c}, spec: "
	"{domainRef: d, address: 10.0.0.9, capture: {type: proxy-arp, interface: auto}}}\n";

/* facts: NULL, there are none. link: where it is captured; NULL: the claim waits. */
static const struct {
	const char *facts, *link, *endpoint;
} choices[] = {
	{ NULL, NULL, NULL },
	{ "{\"nics\": []}", NULL, NULL },
	{ "{\"nics\": [{\"mac\": \"00:00:00:00:00:01\"}]}", NULL, NULL },
	{ "{\"nics\": [{\"name\": \"lan\"}]}", "lan", NULL },
	{ "{\"nics\": [{\"name\": \"wan\"}, {\"name\": \"lan\"}]}", NULL, NULL },
	{ "{\"nics\": [{\"name\": \"wan\", \"subnet\": \"192.0.2.0/24\", \"publicAddress\": "
	  "\"203.0.113.4\"}, {\"name\": \"lan\", \"subnet\": \"10.0.0.0/24\"}]}",
	  "lan", "203.0.113.4:4500" },
	{ "{\"nics\": [{\"name\": \"wan\"}, {\"name\": \"lan\", \"subnet\": \"10.0.0.0/16\"}]}",
	  "lan", NULL },
	{ "{\"nics\": [{\"name\": \"wan\"}, {\"name\": \"lan\", \"addresses\": "
	  "[\"10.0.0.4\"]}]}",
	  "lan", NULL },
	{ "{\"nics\": [{\"name\": \"a\", \"subnet\": \"10.0.0.0/24\"}, {\"name\": \"b\", "
	  "\"addresses\": [\"10.0.0.4\"]}]}",
	  NULL, NULL },
};

static const struct object *find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->objects[i]->name, name) == 0)
			return c->objects[i];
	abort();
}

static void check_auto(struct arena *a, size_t i)
{
	struct config c = { .arena = a };
	struct state want = { .arena = a };
	struct diag d = { .arena = a };
	const struct wireguard_interface *w;
	const char *link = NULL;
	char text[ENDPOINT_STRLEN];

	if (choices[i].facts)
		c.facts = read_text(a, choices[i].facts);
	config_add(&c, "test", site, strlen(site), &d);
	CHECK(config_check(&c, &d), "%zu", i);
	config_lower(&c, &want);
	for (size_t k = 0; k < want.count; k++)
		if (want.items[k].type == ITEM_PROXY)
			link = want.items[k].link;
	CHECK(!link == !choices[i].link && (!link || strcmp(link, choices[i].link) == 0),
	      "%zu: %s", i, link);
	CHECK(!find(&c, "c")->waits == !!link, "%zu: waits", i);
	CHECK(link || strcmp(find(&c, "c")->waits_reason, "WaitingForFacts") == 0, "%zu", i);
	w = (const void *)find(&c, "wg0");
	CHECK(!w->endpoint.host == !choices[i].endpoint, "%zu: endpoint", i);
	if (w->endpoint.host && choices[i].endpoint)
		CHECK(strcmp(endpoint_print(&w->endpoint, text), choices[i].endpoint) == 0,
		      "%zu: %s", i, text);
	CHECK(d.warnings == (unsigned)(!link + !w->endpoint.host), "%zu: %u warnings", i,
	      d.warnings);
}

int main(void)
{
	struct arena *a = arena_new();

	snprintf(path, sizeof(path), "/tmp/facts.%d", (int)getpid());
	check_round(a);
	check_damaged(a);
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
		check_auto(a, i);
	(void)unlink(path);
	arena_free(a);
	return t_failed;
}
