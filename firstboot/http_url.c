#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "firstboot/http.h"

#define TOKEN 32 /* bytes: a part of a path as long as this may be a secret */

static void end_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void end_part(char **text)
{
	curl_free(*text);
}

static CURLU *parse_url(const char *url, CURLUcode *ret)
{
	CURLU *u = must(curl_url());

	*ret = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	return u;
}

static char *url_part(CURLU *u, CURLUPart what)
{
	char *text = NULL;

	return curl_url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

/* plain: http will do. */
static const char *url_fault(struct arena *a, const char *url, bool plain)
{
	const char *want =
	    plain ? "want http://HOST/PATH or https://HOST/PATH" : "want https://HOST/PATH";
	CURLUcode r;
	CLEAN(end_url) CURLU *u = parse_url(url, &r);
	CLEAN(end_part) char *scheme = NULL;
	CLEAN(end_part) char *host = NULL;

	if (r != CURLUE_OK)
		return arena_printf(a, "not a URL (%s): %s", curl_url_strerror(r), want);
	scheme = url_part(u, CURLUPART_SCHEME);
	host = url_part(u, CURLUPART_HOST);
	if (plain && scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		return arena_printf(
		    a, "a URL of scheme %.20s: only http, https and file are taken", scheme);
	if (!plain && (!scheme || strcmp(scheme, "https") != 0))
		return arena_printf(a,
				    "a URL of scheme %.20s: only https:// is taken; what goes "
				    "over another can be read and changed on the way",
				    scheme ? scheme : "none");
	return host && *host ? NULL : arena_printf(a, "a URL without a host: %s", want);
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

const char *http_url_file(struct arena *a, const char *url)
{
	CURLUcode r;
	CLEAN(end_url) CURLU *u = parse_url(url, &r);
	CLEAN(end_part) char *scheme = url_part(u, CURLUPART_SCHEME);
	CLEAN(end_part) char *host = url_part(u, CURLUPART_HOST);
	CLEAN(end_part) char *path = NULL;

	if (r != CURLUE_OK || !scheme || strcmp(scheme, "file") != 0 || (host && *host))
		return NULL;
	/* Refuses %00. */
	if (curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) != CURLUE_OK ||
	    path[0] != '/' || !path[1])
		return NULL;
	return arena_strndup(a, path, strlen(path));
}

/* Returns path with "..." for each part that is as long as a token. */
static const char *show_path(struct arena *a, const char *path)
{
	const char *shown = "";

	while (*path == '/') {
		size_t n = strcspn(path + 1, "/");

		shown = n < TOKEN ? arena_printf(a, "%s/%.*s", shown, (int)n, path + 1)
				  : arena_printf(a, "%s/...", shown);
		path += n + 1;
	}
	return shown;
}

const char *http_show_url(struct arena *a, const char *url)
{
	CURLUcode r;
	CLEAN(end_url) CURLU *u = parse_url(url, &r);
	CLEAN(end_part) char *scheme = url_part(u, CURLUPART_SCHEME);
	CLEAN(end_part) char *host = url_part(u, CURLUPART_HOST);
	CLEAN(end_part) char *port = url_part(u, CURLUPART_PORT);
	CLEAN(end_part) char *path = url_part(u, CURLUPART_PATH);

	if (r != CURLUE_OK || !scheme || !host)
		return "(no URL)";
	return arena_printf(a, "%s://%s%s%s%s", scheme, host, port ? ":" : "", port ? port : "",
			    path ? show_path(a, path) : "");
}

bool http_url_is_secret(struct arena *a, const char *url)
{
	CURLUcode r;
	CLEAN(end_url) CURLU *u = parse_url(url, &r);
	CLEAN(end_part) char *user = url_part(u, CURLUPART_USER);
	CLEAN(end_part) char *query = url_part(u, CURLUPART_QUERY);

	return user || query || strstr(http_show_url(a, url), "/...");
}

bool http_url_is_azure(const char *url)
{
	CURLUcode r;
	CLEAN(end_url) CURLU *u = parse_url(url, &r);
	CLEAN(end_part) char *host = url_part(u, CURLUPART_HOST);

	return host && strstr(host, ".blob.core.");
}
