/* mnl.c - the part of libmnl that libnftnl's tables, chains and rules call.
 *
 * Debian 12 has libnftnl as a static library, but not libmnl, which it needs. What libnftnl
 * takes from it is how attributes are laid out (netlink(7), struct nlattr): here, to
 * libmnl's contracts. Sockets and batches are left out, so nftnl_nlmsg_build_hdr() and its
 * neighbours in libnftnl's common.c do not link; netlink.c does their work. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

/* ---- read ------------------------------------------------------------------------------- */

void *mnl_nlmsg_get_payload(const struct nlmsghdr *h)
{
	return (char *)h + MNL_NLMSG_HDRLEN;
}

uint16_t mnl_attr_get_type(const struct nlattr *at)
{
	return at->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *at)
{
	return at->nla_len - MNL_ATTR_HDRLEN;
}

void *mnl_attr_get_payload(const struct nlattr *at)
{
	return (char *)at + MNL_ATTR_HDRLEN;
}

/* len is what is left from at on. */
bool mnl_attr_ok(const struct nlattr *at, int len)
{
	return len >= (int)sizeof(*at) && at->nla_len >= sizeof(*at) && at->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *at)
{
	return (void *)((char *)at + MNL_ALIGN(at->nla_len));
}

/* Numbers may lie unaligned: an attribute is aligned to 4. */
#define GETTER(name, type)                                                                     \
	type name(const struct nlattr *at)                                                     \
	{                                                                                      \
		type v;                                                                        \
                                                                                               \
		memcpy(&v, mnl_attr_get_payload(at), sizeof(v));                               \
		return v;                                                                      \
	}

GETTER(mnl_attr_get_u8, uint8_t)
GETTER(mnl_attr_get_u16, uint16_t)
GETTER(mnl_attr_get_u32, uint32_t)
GETTER(mnl_attr_get_u64, uint64_t)

const char *mnl_attr_get_str(const struct nlattr *at)
{
	return mnl_attr_get_payload(at);
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

int mnl_attr_type_valid(const struct nlattr *at, uint16_t max)
{
	return mnl_attr_get_type(at) > max ? refuse(EOPNOTSUPP) : 1;
}

int mnl_attr_validate(const struct nlattr *at, enum mnl_attr_data_type type)
{
	static const uint8_t sizes[MNL_TYPE_MAX] = {
		[MNL_TYPE_U8] = 1,  [MNL_TYPE_U16] = 2,	  [MNL_TYPE_U32] = 4,
		[MNL_TYPE_U64] = 8, [MNL_TYPE_MSECS] = 8,
	};
	size_t len = mnl_attr_get_payload_len(at);

	if (type >= MNL_TYPE_MAX)
		return refuse(EINVAL);
	if (sizes[type] && len != sizes[type])
		return refuse(ERANGE);
	if (type == MNL_TYPE_FLAG && len > 0)
		return refuse(ERANGE);
	if ((type == MNL_TYPE_STRING || type == MNL_TYPE_NUL_STRING) && len == 0)
		return refuse(ERANGE);
	if (type == MNL_TYPE_NUL_STRING && ((char *)mnl_attr_get_payload(at))[len - 1])
		return refuse(EINVAL);
	if (type == MNL_TYPE_NESTED && len > 0 && len < MNL_ATTR_HDRLEN)
		return refuse(ERANGE);
	return 0;
}

static int parse(const char *at, const char *end, mnl_attr_cb_t cb, void *data)
{
	int r = MNL_CB_OK;

	while (r > MNL_CB_STOP && at < end && mnl_attr_ok((void *)at, (int)(end - at))) {
		r = cb((void *)at, data);
		at = (char *)mnl_attr_next((void *)at);
	}
	return r;
}

int mnl_attr_parse(const struct nlmsghdr *h, unsigned int offset, mnl_attr_cb_t cb, void *data)
{
	return parse((char *)mnl_nlmsg_get_payload(h) + MNL_ALIGN(offset),
		     (char *)h + h->nlmsg_len, cb, data);
}

int mnl_attr_parse_nested(const struct nlattr *at, mnl_attr_cb_t cb, void *data)
{
	return parse(mnl_attr_get_payload(at), (char *)at + at->nla_len, cb, data);
}

/* ---- write: the caller has seen to the room --------------------------------------------- */

static struct nlattr *tail(struct nlmsghdr *h)
{
	return (void *)((char *)h + MNL_ALIGN(h->nlmsg_len));
}

void mnl_attr_put(struct nlmsghdr *h, uint16_t type, size_t len, const void *data)
{
	struct nlattr *at = tail(h);
	char *payload = mnl_attr_get_payload(at);

	at->nla_type = type;
	at->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + len);
	if (len)
		memcpy(payload, data, len);
	memset(payload + len, 0, MNL_ALIGN(len) - len);
	h->nlmsg_len = (uint32_t)(payload + MNL_ALIGN(len) - (char *)h);
}

#define PUTTER(name, type)                                                                     \
	void name(struct nlmsghdr *h, uint16_t attr, type v)                                   \
	{                                                                                      \
		mnl_attr_put(h, attr, sizeof(v), &v);                                          \
	}

PUTTER(mnl_attr_put_u8, uint8_t)
PUTTER(mnl_attr_put_u16, uint16_t)
PUTTER(mnl_attr_put_u32, uint32_t)
PUTTER(mnl_attr_put_u64, uint64_t)

void mnl_attr_put_str(struct nlmsghdr *h, uint16_t type, const char *s)
{
	mnl_attr_put(h, type, strlen(s), s);
}

void mnl_attr_put_strz(struct nlmsghdr *h, uint16_t type, const char *s)
{
	mnl_attr_put(h, type, strlen(s) + 1, s);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *h, uint16_t type)
{
	struct nlattr *nest = tail(h);

	mnl_attr_put(h, NLA_F_NESTED | type, 0, NULL);
	return nest;
}

void mnl_attr_nest_end(struct nlmsghdr *h, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)tail(h) - (char *)nest);
}
