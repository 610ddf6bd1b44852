/* What each provider may say: any bytes. The first byte chooses the document. What is faulty
 * leaves nothing behind, and what is taken can be written and read again as node.json. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/diag.h"
#include "base/stream.h"
#include "base/yaml.h"
#include "providers/nics.h"
#include "providers/told.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

static told_fn *const readers[] = {
	told_azure,	   told_azure_recall, told_aws,		told_aws_recall,
	told_oci_instance, told_oci_vnics,    told_gcp_id,	told_gcp_project,
	told_gcp,	   told_nocloud,      told_configdrive,
};

static void check_nics(const struct facts *f)
{
	if (f->nic_count > NICS_MOST)
		abort();
	for (size_t i = 0; i < f->nic_count; i++) {
		const struct facts_nic *nic = &f->nics[i];
		char mac[NICS_MAC];

		if (!nics_mac(nic->mac, mac) || strcmp(mac, nic->mac) != 0)
			abort();
		if (nic->address_count > NICS_ADDRESSES)
			abort();
		for (size_t n = 0; n < nic->address_count; n++)
			if (!addr_is_host(&nic->addresses[n]))
				abort();
	}
}

static void check_file(struct arena *a, const struct facts *f)
{
	CLEAN(stream_done) struct stream s = { 0 };
	struct diag d = { .arena = a };
	struct out o;

	out_open(&o, stream_open(&s), OUT_JSON);
	facts_out(&o, f);
	out_close(&o);
	stream_text(&s);
	if (s.len > 1024 * 1024)
		abort();
	node_parse(a, "node.json", s.bytes, s.len, &d);
	if (d.errors)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct told t = { 0 };
	const char *wrong;
	char *bytes;

	if (!len)
		return 0;
	bytes = arena_strndup(a, (const char *)buf + 1, len - 1);
	wrong = readers[buf[0] % (sizeof(readers) / sizeof(*readers))](a, bytes, len - 1, &t);
	if (wrong && (t.facts.instance || t.facts.nic_count || t.user_data))
		abort();
	if (wrong)
		return 0;
	check_nics(&t.facts);
	check_file(a, &t.facts);
	if (t.user_data && t.user_data[t.user_data_len])
		abort();
	return 0;
}
