#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "firstboot/http.h"

#define TOKEN 20 /* bytes: a part of a path as long as this may be a secret */

/* RFC 3986 section 3, of which only what is taken here; all parts "" where they are missing. */
struct url {
	const char *scheme, *user, *host, *port, *path, *query;
};

static char *lower(char *text)
{
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

/* Cuts text up at the first of any bytes; returns what was before. */
static char *cut(struct arena *a, const char **text, const char *any)
{
	size_t n = strcspn(*text, any);
	char *part = arena_strndup(a, *text, n);

	*text += n;
	return part;
}

static bool is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n && n <= 5 && !text[n] && atoi(text) > 0 && atoi(text) <= 65535;
}

/* "HOST", "HOST:PORT", "[2001:db8::1]:PORT" */
static bool split_host(char *text, struct url *u)
{
	char *end = *text == '[' ? strchr(text, ']') : NULL;
	char *colon = strchr(end ? end : text, ':');

	if (*text == '[' && (!end || (end[1] && end[1] != ':')))
		return false;
	if (colon) {
		*colon = '\0';
		u->port = colon + 1;
		if (!is_port(u->port))
			return false;
	}
	u->host = lower(text);
	return text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz.-_[:]%")] == '\0';
}

static bool parse_url(struct arena *a, const char *text, struct url *ret)
{
	const char *sign = strstr(text, "://"), *at = text;
	char *authority, *host;

	*ret = (struct url){ "", "", "", "", "", "" };
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
			return false;
	if (!sign || sign == text)
		return false;
	ret->scheme = lower(arena_strndup(a, text, (size_t)(sign - text)));
	at = sign + 3;
	authority = cut(a, &at, "/?#");
	host = strrchr(authority, '@');
	if (host) {
		*host++ = '\0';
		ret->user = authority;
	}
	ret->path = cut(a, &at, "?#");
	if (*at == '?') {
		at++;
		ret->query = cut(a, &at, "#");
	}
	return split_host(host ? host : authority, ret);
}

/* plain: http will do. */
static const char *url_fault(struct arena *a, const char *url, bool plain)
{
	const char *want =
	    plain ? "want http://HOST/PATH or https://HOST/PATH" : "want https://HOST/PATH";
	struct url u;

	if (!parse_url(a, url, &u))
		return arena_printf(a, "not a URL: %s", want);
	if (plain && strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0)
		return arena_printf(
		    a, "a URL of scheme %.20s: only http, https and file are taken", u.scheme);
	if (!plain && strcmp(u.scheme, "https") != 0)
		return arena_printf(a,
				    "a URL of scheme %.20s: only https:// is taken; what goes "
				    "over another can be read and changed on the way",
				    u.scheme);
	return *u.host ? NULL : arena_printf(a, "a URL without a host: %s", want);
}

const char *http_url_fault(struct arena *a, const char *url)
{
	return url_fault(a, url, false);
}

const char *http_config_url_fault(struct arena *a, const char *url)
{
	static const char file[] = "file:";

	if (strncasecmp(url, file, strlen(file)) == 0)
		return http_url_file(a, url) ? NULL : "want file:///PATH of a file here";
	return url_fault(a, url, true);
}

/* RFC 3986 section 2.1. NULL: what follows a '%' is no byte of a path. */
static const char *decode(struct arena *a, const char *path)
{
	char *text = arena_strndup(a, path, strlen(path)), *to = text;

	for (const char *c = path; *c; c++, to++) {
		char digits[3] = "";

		*to = *c;
		if (*c != '%')
			continue;
		if (!isxdigit((unsigned char)c[1]) || !isxdigit((unsigned char)c[2]))
			return NULL;
		memcpy(digits, c + 1, 2);
		*to = (char)strtol(digits, NULL, 16);
		if (*to < ' ' || *to > '~')
			return NULL;
		c += 2;
	}
	*to = '\0';
	return text;
}

const char *http_url_file(struct arena *a, const char *url)
{
	struct url u;

	if (!parse_url(a, url, &u) || strcmp(u.scheme, "file") != 0 || *u.host || *u.user ||
	    *u.port || u.path[0] != '/' || !u.path[1])
		return NULL;
	return decode(a, u.path);
}

/* Returns path with "..." for each part that is as long as a token. */
static const char *show_path(struct arena *a, const char *path)
{
	const char *shown = "";

	while (*path == '/') {
		size_t n = strcspn(path + 1, "/");
		bool hidden =
		    n >= TOKEN || memchr(path + 1, ';', n) || memchr(path + 1, '=', n);

		shown = !hidden ? arena_printf(a, "%s/%.*s", shown, (int)n, path + 1)
				: arena_printf(a, "%s/...", shown);
		path += n + 1;
	}
	return shown;
}

const char *http_show_url(struct arena *a, const char *url)
{
	struct url u;

	if (!parse_url(a, url, &u))
		return "(no URL)";
	return arena_printf(a, "%s://%s%s%s%s", u.scheme, u.host, *u.port ? ":" : "", u.port,
			    show_path(a, u.path));
}

bool http_url_is_secret(struct arena *a, const char *url)
{
	struct url u;

	return parse_url(a, url, &u) &&
	       (*u.user || *u.query || strstr(http_show_url(a, url), "/..."));
}

bool http_url_is_azure(struct arena *a, const char *url)
{
	struct url u;

	return parse_url(a, url, &u) && strstr(u.host, ".blob.core.");
}
