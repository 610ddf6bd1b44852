#include "providers/provider.h"

#include <stdarg.h>
#include <string.h>

#include "providers/cloudinit.h"
#include "providers/disk.h"
#include "providers/nics.h"
#include "providers/route.h"
#include "providers/told.h"

const struct provider *const providers[] = {
	&provider_azure,   &provider_aws,	  &provider_oci, &provider_gcp,
	&provider_nocloud, &provider_configdrive, NULL,
};

void told_warn(struct arena *a, struct told *t, const char *fmt, ...)
{
	const char *line;
	va_list ap;

	va_start(ap, fmt);
	line = arena_vprintf(a, fmt, ap);
	va_end(ap);
	t->warnings = t->warnings ? arena_printf(a, "%s\n%s", t->warnings, line) : line;
}

/* ---- which ------------------------------------------------------------------------------ */

static const struct provider *detect(struct arena *a, const struct place *p)
{
	for (size_t i = 0; providers[i]; i++)
		if (providers[i]->detect(a, p))
			return providers[i];
	return NULL;
}

const struct provider *provider_detect(struct arena *a, const struct place *p)
{
	static const char *const labels[] = { "cidata", "config-2", NULL };
	const struct provider *found = detect(a, p);

	if (!found && disk_wait(a, p, labels))
		found = detect(a, p);
	return found;
}

/* ---- what it says ----------------------------------------------------------------------- */

static const char *clip(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strcspn(text, "\n"));
}

/* What cloud-init found, where the service failed with an error and words. */
static int recall(struct arena *a, const struct place *p, const struct provider *which,
		  int error, struct told *t, const char **words)
{
	size_t len;
	const char *bytes = which->recall ? cloudinit_document(a, p, which->cloud, &len) : NULL;
	const char *wrong = bytes ? which->recall(a, bytes, len, t) : NULL;

	if (!bytes)
		return error;
	if (wrong) {
		*words = arena_printf(a, "%s; and what cloud-init kept is not complete: %s",
				      *words, wrong);
		return error;
	}
	t->facts.source = "cloud-init";
	told_warn(a, t, "taken from cloud-init, as the service does not answer: %s",
		  clip(a, *words));
	if (!t->user_data)
		t->user_data = cloudinit_user_data(a, p, which->cloud, &t->user_data_len);
	return 0;
}

/* The service is asked now, so it is right; but somebody should know. */
static void compare(struct arena *a, const struct place *p, const struct provider *which,
		    struct told *t)
{
	size_t len;
	const char *bytes = which->cloud ? cloudinit_document(a, p, which->cloud, &len) : NULL;
	const char *instance = bytes ? cloudinit_instance(a, bytes, len) : NULL;

	if (instance && !cloudinit_is_instance(instance, t->facts.instance))
		told_warn(a, t,
			  "cloud-init took this machine for %s, the metadata service says %s; "
			  "the service is believed: 'cloud-init clean' and a restart settle it",
			  instance, t->facts.instance);
}

static void join(struct arena *a, const struct place *p, const struct provider *which,
		 struct told *t)
{
	struct facts *f = &t->facts;
	struct facts_nic *guest;
	char first[IF_NAMESIZE];
	size_t count;

	nics_read(a, p->root, &guest, &count);
	if (!f->nic_count) { /* who says nothing of NICs has nothing to say against these */
		f->nics = guest;
		f->nic_count = count;
		for (size_t i = 0; i < count; i++)
			guest[i].ref = guest[i].mac;
	} else {
		nics_join(f, guest, count);
	}
	if (which->by_route && route_default(a, p->root, first))
		nics_put_first(f, first);
	for (size_t i = 0; count && i < f->nic_count; i++)
		if (!f->nics[i].name)
			told_warn(a, t, "this machine has no NIC %s, which the provider lists",
				  f->nics[i].mac);
}

int provider_read(struct arena *a, const struct place *p, const struct provider *which,
		  struct told *ret, const char **ret_words)
{
	struct told t = { 0 };
	int r;

	if (!which) {
		nics_read(a, p->root, &t.facts.nics, &t.facts.nic_count);
		*ret = t;
		return 0;
	}
	r = which->read(a, p, &t, ret_words);
	if (r < 0)
		r = recall(a, p, which, r, &t, ret_words);
	else
		compare(a, p, which, &t);
	if (r < 0)
		return r;
	t.facts.provider = which->name;
	join(a, p, which, &t);
	*ret = t;
	return 0;
}
