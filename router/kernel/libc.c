/* libc.c - keeps glibc's lookups of names out of the static program.
 *
 * They load plugins as /etc/nsswitch.conf says, which a static program cannot: a build of
 * Debian 12 died with SIGFPE on Debian 13. libnl (addr.c, utils.c) and c-ares call them, in
 * paths that we do not take. Here each finds nothing, in the way its manual page says. Names
 * are resolve.c's matter. Nothing else in the program may count on these. */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	(void)node, (void)service, (void)hints, (void)ret;
	return EAI_NONAME;
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t len, char *restrict host,
		socklen_t host_len, char *restrict service, socklen_t service_len, int flags)
{
	(void)address, (void)len, (void)host, (void)host_len;
	(void)service, (void)service_len, (void)flags;
	return EAI_NONAME;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	(void)name, (void)protocol;
	return NULL;
}

int getservbyport_r(int port, const char *restrict protocol, struct servent *restrict entry,
		    char *restrict buf, size_t len, struct servent **restrict ret)
{
	(void)port, (void)protocol, (void)entry, (void)buf, (void)len;
	*ret = NULL;
	return ENOENT;
}

int getservbyname_r(const char *restrict name, const char *restrict protocol,
		    struct servent *restrict entry, char *restrict buf, size_t len,
		    struct servent **restrict ret)
{
	(void)name, (void)protocol, (void)entry, (void)buf, (void)len;
	*ret = NULL;
	return ENOENT;
}
