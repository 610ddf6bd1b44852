#include "kernel/kernel.h"
#include "kernel/wireguard.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/genl/ctrl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define PAUSE_MS 20 /* between tries */
#define TRIES	 5  /* of an observation, while the tables move under it */

static const struct driver *const drivers[ITEM_TYPES] = {
	[ITEM_LINK] = &link_driver,	  [ITEM_SYSCTL] = &sysctl_driver,
	[ITEM_ADDRESS] = &address_driver, [ITEM_PEER] = &peer_driver,
	[ITEM_ALLOWED] = &allowed_driver, [ITEM_ROUTE] = &route_driver,
	[ITEM_PROXY] = &proxy_driver,	  [ITEM_CLAMP] = &clamp_driver,
};

int kernel_open(struct kernel *k)
{
	int r;

	*k = (struct kernel){ .idle_fd = -1 };
	r = netlink_open(&k->route, NETLINK_ROUTE, false);
	if (r < 0)
		return r;
	(void)netlink_open(&k->nft, NETLINK_NETFILTER, false);
	(void)netlink_open(&k->wg, NETLINK_GENERIC, true);
	/* Asking for the family by name loads the module, if there is one. */
	if (k->wg)
		r = genl_ctrl_resolve(netlink_sock(k->wg), "wireguard");
	k->wg_family = r > 0 ? r : 0;
	return 0;
}

void kernel_close(struct kernel *k)
{
	netlink_close(&k->route);
	netlink_close(&k->nft);
	netlink_close(&k->wg);
}

/* ---- links ------------------------------------------------------------------------------ */

static int by_index(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;

	return (a->index > b->index) - (a->index < b->index);
}

static int by_name(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

static void each_link(struct nlmsghdr *h, void *arg)
{
	struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *name = nlmsg_find_attr(h, sizeof(*ifi), IFLA_IFNAME);
	struct kernel *k = arg;
	struct link *l;

	if (!name)
		return;
	k->by_index =
	    arena_grow(k->arena, k->by_index, k->links, &k->room, sizeof(*k->by_index));
	l = &k->by_index[k->links++];
	l->index = ifi->ifi_index;
	l->up = (ifi->ifi_flags & IFF_UP) != 0;
	strncpy(l->name, nla_data(name), sizeof(l->name) - 1);
	l->name[sizeof(l->name) - 1] = '\0';
}

int kernel_read_links(struct kernel *k)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = netlink_new(0, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int r;

	/* A new array each time: items of this pass point to the names in the old one. */
	k->by_index = NULL;
	k->links = k->room = 0;
	r = netlink_dump(k->route, m, each_link, k);
	if (r < 0)
		return r;
	k->by_name = arena_alloc(k->arena, (k->links + 1) * sizeof(*k->by_name));
	if (!k->links)
		return 0;
	memcpy(k->by_name, k->by_index, k->links * sizeof(*k->by_name));
	qsort(k->by_index, k->links, sizeof(*k->by_index), by_index);
	qsort(k->by_name, k->links, sizeof(*k->by_name), by_name);
	return 0;
}

static const struct link *link_of(const struct kernel *k, int index)
{
	const struct link key = { .index = index };

	return k->links ? bsearch(&key, k->by_index, k->links, sizeof(key), by_index) : NULL;
}

const char *kernel_link_name(struct kernel *k, int index)
{
	const struct link *l = link_of(k, index);

	return l ? l->name : NULL;
}

bool kernel_link_up(struct kernel *k, int index)
{
	const struct link *l = link_of(k, index);

	return l && l->up;
}

int kernel_link_index(struct kernel *k, const char *name)
{
	struct link key = { 0 };
	const struct link *l;

	strncpy(key.name, name, sizeof(key.name) - 1);
	l = k->links ? bsearch(&key, k->by_name, k->links, sizeof(key), by_name) : NULL;
	return l ? l->index : 0;
}

/* ---- look ------------------------------------------------------------------------------- */

void kernel_see(struct kernel *k, struct state *have, const struct item *it)
{
	if (it->ours || state_find(k->want, it))
		state_add(have, it);
}

/* Between the steps of a pass, others have their turn. */
static void idle(struct kernel *k)
{
	if (k->idle_fd >= 0)
		k->idle(k->idle_arg);
}

static int observe(struct kernel *k, struct state *have)
{
	int r = kernel_read_links(k);

	for (int t = 0; t < ITEM_TYPES && r == 0; t++) {
		if (!drivers[t])
			continue;
		idle(k);
		r = drivers[t]->observe(k, have);
		if (r == -EPERM) {
			have->blind |= 1U << t;
			r = 0;
		}
	}
	return r;
}

int kernel_observe(struct kernel *k, struct state *want, struct state *have)
{
	int r = -EINTR;

	k->arena = have->arena;
	k->want = want;
	k->have = have;
	for (int try = 0; try < TRIES && (r == -EINTR || r == -ENOBUFS); try++) {
		if (try)
			clock_sleep(PAUSE_MS);
		k->last_try = try == TRIES - 1;
		have->count = 0;
		have->blind = 0;
		r = observe(k, have);
	}
	if (r == 0)
		wg_prefer(want, have);
	return r;
}

/* ---- do --------------------------------------------------------------------------------- */

void kernel_fail(struct op *op, int error, const char *why)
{
	op->error = error;
	op->why = why;
}

void kernel_no_link(struct kernel *k, struct op *op, const char *link)
{
	kernel_fail(op, -ENODEV,
		    arena_printf(k->arena,
				 "this machine has no interface '%s'; 'ip -br link' "
				 "lists those it has",
				 link));
}

static void run(struct kernel *k, const struct driver *d, struct op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ops[i].verb == VERB_DELETE)
			d->del(k, &ops[i]);
		else
			d->put(k, &ops[i]);
	}
	netlink_flush(k->route);
	if (d->flush)
		d->flush(k, ops, count);
}

/* What failed, and with it what needs it. */
struct lost {
	struct state items; /* WireGuard links and peers that are not there */
	struct state hosts; /* ITEM_ABSENT: addresses of what could not be made */
	bool peers;	    /* a peer could not be made */
};

static void note_failure(struct lost *lost, const struct op *op)
{
	const struct item *w = op->want;
	bool made = op->error == -EHOSTUNREACH; /* a peer without its endpoint */

	if (!op->error || op->verb == VERB_DELETE || made)
		return;
	if ((w->type == ITEM_LINK && w->wg.kind == LINK_WIREGUARD) ||
	    (w->type == ITEM_PEER && op->verb == VERB_ADD))
		state_add(&lost->items, w);
	if (w->address.family)
		state_add(&lost->hosts,
			  &(struct item){ .type = ITEM_ABSENT, .address = w->address });
	lost->peers |= w->type == ITEM_PEER;
}

/* What is no longer wanted goes only when what may take its place has come. */
static bool is_withheld(const struct op *op, struct lost *lost)
{
	struct item host = { .type = ITEM_ABSENT, .address = op->have->address };

	state_sort(&lost->hosts, NULL, NULL);
	return op->have->type == ITEM_PEER ? lost->peers
					   : state_find(&lost->hosts, &host) != NULL;
}

/* Would op fail for the same reason as what it stands on, or touch a link that is somebody
 * else's? An allowed IP would even make its peer, without the preshared key. */
static bool is_cancelled(const struct op *op, struct lost *lost)
{
	const struct item *it = op_item(op);
	struct item link = { .type = ITEM_LINK, .link = it->link };
	struct item peer = { .type = ITEM_PEER, .link = it->link };

	if (it->type == ITEM_LINK || (op->want && op->verb == VERB_DELETE))
		return false;
	if (!op->want)
		return is_withheld(op, lost);
	peer.peer.key = it->allowed.key;
	state_sort(&lost->items, NULL, NULL);
	return state_find(&lost->items, &link) ||
	       (it->type == ITEM_ALLOWED && state_find(&lost->items, &peer));
}

/* How many ops from i on go to one driver together: types wait for each other. 0: this one
 * is cancelled. */
static size_t next_run(const struct plan *plan, size_t i, struct lost *lost)
{
	const struct op *first = &plan->ops[i];
	size_t n;

	for (n = 0; i + n < plan->count; n++) {
		const struct op *op = &plan->ops[i + n];

		if (op_item(op)->type != op_item(first)->type ||
		    (op->verb == VERB_DELETE) != (first->verb == VERB_DELETE) ||
		    is_cancelled(op, lost))
			break;
	}
	return n;
}

unsigned kernel_apply(struct kernel *k, struct plan *plan)
{
	struct lost lost = { .items.arena = k->arena, .hosts.arena = k->arena };
	unsigned failed = 0;
	size_t n;

	for (size_t i = 0; i < plan->count; i += n ? n : 1) {
		n = next_run(plan, i, &lost);
		if (n == 0) {
			plan->ops[i].error = -ECANCELED;
			note_failure(&lost, &plan->ops[i]);
			continue;
		}
		run(k, drivers[op_item(&plan->ops[i])->type], &plan->ops[i], n);
		idle(k);
		for (size_t j = i; j < i + n; j++)
			note_failure(&lost, &plan->ops[j]);
	}
	link_seal(k, plan);
	for (size_t i = 0; i < plan->count; i++)
		failed += plan->ops[i].error < 0;
	return failed;
}

/* ---- foresee ---------------------------------------------------------------------------- */

void kernel_foresee(struct kernel *k, struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct op *op = &plan->ops[i];
		struct item link = { .type = ITEM_LINK, .link = op_item(op)->link };

		if (op->verb == VERB_DELETE)
			continue;
		if (op->want->type != ITEM_LINK && *op->want->link &&
		    !kernel_link_index(k, op->want->link) && !state_find(k->want, &link))
			op->note = arena_printf(k->arena,
						"apply will fail here: this machine has no "
						"interface '%s'",
						op->want->link);
		if (op->want->type == ITEM_PEER && wg_is_own_key(k, op->want))
			op->note = "apply will fail here: its publicKey is this router's own";
	}
}
