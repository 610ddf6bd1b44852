#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "providers/imds.h"

#define LINK_WAIT 60 /* s for a default route to come */
#define LAG	  10 /* s that keys of a NIC just attached may lag behind */

static int add_host(struct imds *s, const char *host, const char *port)
{
	struct imds_host *h = &s->hosts[s->host_count];
	struct sockaddr_in *v4 = (struct sockaddr_in *)&h->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&h->address;
	size_t digits = strspn(port, "0123456789");
	unsigned long number =
	    digits && digits < 6 && !port[digits] ? strtoul(port, NULL, 10) : 0;
	bool six = strchr(host, ':') != NULL;

	if (!number || number > UINT16_MAX ||
	    inet_pton(six ? AF_INET6 : AF_INET, host,
		      six ? (void *)&v6->sin6_addr : &v4->sin_addr) != 1)
		return -EINVAL;
	h->address.ss_family = six ? AF_INET6 : AF_INET;
	h->len = six ? sizeof(*v6) : sizeof(*v4);
	if (six)
		v6->sin6_port = htons((uint16_t)number);
	else
		v4->sin_port = htons((uint16_t)number);
	h->text = arena_printf(s->arena, six ? "[%s]" : "%s", host);
	if (number != 80)
		h->text = arena_printf(s->arena, "%s:%lu", h->text, number);
	s->host_count++;
	return 0;
}

/* "http://ADDRESS[:PORT]" */
static int add_service(struct imds *s, const char *url)
{
	static const char scheme[] = "http://";
	char *host = arena_strndup(s->arena, url, strlen(url)), *port;

	if (strncmp(host, scheme, sizeof(scheme) - 1) != 0)
		return -EINVAL;
	host += sizeof(scheme) - 1;
	host[strcspn(host, "/")] = '\0';
	port = strrchr(host, ':');
	if (*host == '[') {
		char *end = strchr(++host, ']');

		if (!end)
			return -EINVAL;
		*end = '\0';
		port = end[1] == ':' ? end + 1 : NULL;
	}
	if (port)
		*port++ = '\0';
	return add_host(s, host, port ? port : "80");
}

int imds_open(struct arena *a, const struct place *p, const struct imds_policy *policy,
	      struct imds *ret, const char **ret_words)
{
	int64_t most = (p->deadline ? p->deadline : policy->deadline) * (int64_t)1000;
	struct imds s = { .arena = a, .place = p, .policy = policy, .begin = clock_ms() };
	int r = 0;

	s.end = s.begin + most;
	s.wait_end = s.begin + (most / 2 < LINK_WAIT * 1000 ? most / 2 : LINK_WAIT * 1000);
	s.lag_end = s.begin + (most / 2 < LAG * 1000 ? most / 2 : LAG * 1000);
	if (p->service)
		r = add_service(&s, p->service);
	else
		r = add_host(&s, policy->host, "80");
	if (r == 0 && !p->service && policy->host6)
		r = add_host(&s, policy->host6, "80");
	if (r < 0) {
		*ret_words =
		    arena_printf(a,
				 "%s cannot be asked at %s: that is not http:// and an "
				 "address; correct it",
				 policy->who, p->service);
		return r;
	}
	*ret = s;
	return 0;
}
