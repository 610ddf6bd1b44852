#include "firstboot/http_fault.h"

#include <errno.h>

/* ---- the transfer ----------------------------------------------------------------------- */

/* What the setting with the CAs is called. */
static const char *ca_name(const struct http_request *q)
{
	return q->plain ? "config_ca_file" : "caFile";
}

/* Numbers: openssl/x509_vfy.h. libcurl compares the host itself and leaves 0 or 1 then. %s: as
 * above. */
static const char *certificate_fault(struct arena *a, const struct http_request *q, CURL *curl,
				     const char *said)
{
	static const struct {
		long number;
		const char *words, *after; /* before and after the setting's name; NULL: none */
	} faults[] = {
		{ 9, "is not valid yet: check this machine's clock (timedatectl)", NULL },
		{ 10,
		  "has expired: check this machine's clock (timedatectl); if that is right, "
		  "the server needs a new one",
		  NULL },
		{ 18, "is signed by itself: name it in ", " if it is known to be right" },
		{ 19, "is from a CA that is not trusted here: name that in ",
		  " if it is known to be right" },
		{ 20,
		  "is from a CA that is not known here: install ca-certificates, or name the "
		  "CA in ",
		  "" },
		{ 0, "is for another host: is the URL right?", NULL },
		{ 1, "is for another host: is the URL right?", NULL },
	};
	long number = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &number);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].number == number)
			return arena_printf(a, "the server's certificate %s%s%s",
					    faults[i].words, faults[i].after ? ca_name(q) : "",
					    faults[i].after ? faults[i].after : "");
	return arena_printf(a, "the server's certificate is not accepted: %s", said);
}

/* Whether it ended before the connection stood, and with it TLS, so that nothing was asked. */
static bool is_unconnected(CURL *curl)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &us);
	return us == 0;
}

static int timeout_fault(CURL *curl, const char **ret_words)
{
	bool again = is_unconnected(curl);

	*ret_words = again ? "no connection in time: is the way there open (firewall, proxy)?"
			   : "too slow: the transfer did not end in time";
	return again ? -EAGAIN : -ETIMEDOUT;
}

static int too_long_fault(struct arena *a, const struct http_request *q, const char **ret_words)
{
	*ret_words = arena_printf(a,
				  "the reply is larger than %zu bytes, which no %s is: is %s "
				  "right?",
				  q->max ? q->max : HTTP_BYTES,
				  q->plain ? "configuration" : "document of ours",
				  q->plain ? "config_url" : "the URL");
	return -EFBIG;
}

int http_fault_transfer(struct arena *a, const struct http_request *q, CURL *curl,
			CURLcode code, const char *said, const char **ret_words)
{
	static const struct {
		CURLcode code;
		int error; /* -EAGAIN: try again */
		const char *words;
		bool cut; /* on the way, so a configuration's server is asked again */
	} faults[] = {
		{ CURLE_COULDNT_RESOLVE_PROXY, -EAGAIN,
		  "the proxy's name does not resolve: check https_proxy and DNS" },
		{ CURLE_COULDNT_RESOLVE_HOST, -EAGAIN,
		  "the host's name does not resolve: check the URL and DNS" },
		{ CURLE_COULDNT_CONNECT, -EAGAIN,
		  "no connection: does the server run, is the way there open (firewall, "
		  "proxy)?" },
		{ CURLE_SSL_CONNECT_ERROR, -EPROTO,
		  "no TLS comes about: does the server speak TLS 1.2 or later at that port?" },
		{ CURLE_PARTIAL_FILE, -EPROTO, "the reply was cut short", true },
		{ CURLE_RECV_ERROR, -EPROTO, "the connection was cut before the reply's end",
		  true },
		{ CURLE_GOT_NOTHING, -EPROTO, "the server closed without a reply", true },
	};

	if (code == CURLE_FILESIZE_EXCEEDED)
		return too_long_fault(a, q, ret_words);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timeout_fault(curl, ret_words);
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		*ret_words = certificate_fault(a, q, curl, said);
		return -EACCES;
	}
	if (code == CURLE_SSL_CACERT_BADFILE) {
		*ret_words =
		    arena_printf(a, "%s cannot be read, or holds no certificate", ca_name(q));
		return -ENOENT;
	}
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].code == code) {
			*ret_words = faults[i].words;
			return q->plain && faults[i].cut ? -EAGAIN : faults[i].error;
		}
	*ret_words = arena_printf(a, "%s", *said ? said : curl_easy_strerror(code));
	return -EPROTO;
}

/* ---- the server's answer ---------------------------------------------------------------- */

static const struct status {
	long status;
	int error;
	const char *get, *put, *config; /* NULL: as get */
} statuses[] = {
	{ 304, -EPROTO, "unchanged, it says, and was not asked that", NULL, NULL },
	{ 400, -EPROTO,
	  "the request is not understood: the URL is cut off or expired, or was made for other "
	  "headers: make a new one",
	  NULL,
	  "the request is not understood: is config_url whole, and if it is pre-signed, has it "
	  "expired?" },
	{ 401, -EACCES,
	  "the server asks for a login: the pre-signed URL is cut off or expired: make a new "
	  "one",
	  NULL,
	  "the server asks for a login: put the configuration where none is needed, or make "
	  "config_url a pre-signed one" },
	{ 403, -EACCES,
	  "refused: the pre-signed URL has probably expired, or was not made for GET: make a "
	  "new "
	  "one",
	  "refused: the pre-signed URL has probably expired, or was not made for PUT: make a "
	  "new "
	  "one",
	  "refused: may this machine read it? A pre-signed config_url has probably expired: "
	  "make "
	  "a new one" },
	{ 404, -ENOENT,
	  "nothing is there: the other side has not published yet, or the URL names another "
	  "object",
	  "no such place: does the bucket still exist, is the URL right?",
	  "nothing is there: is config_url right?" },
	{ 412, -EPROTO,
	  "a condition that is part of the URL does not hold: make one without conditions",
	  "a condition that is part of the URL does not hold, as that nothing is there yet: "
	  "make "
	  "one without conditions",
	  NULL },
	{ 408, -EAGAIN, "the server waited too long for the request", NULL, NULL },
	{ 429, -EAGAIN, "too many requests: the server asks for patience", NULL, NULL },
};
/* Of the rest, by its hundreds. */
static const struct status redirected = {
	0, -EPROTO,
	"it redirects, which is not followed: a pre-signed URL does not; use the one that it "
	"leads to",
	NULL,
	"it redirects, which is not followed: put the URL that it leads to into config_url"
};
static const struct status broken = { 0, -EAGAIN, "the server has a fault of its own", NULL,
				      NULL };
static const struct status other = { 0, -EPROTO, "not what was expected: is the URL right?",
				     NULL, "not what was expected: is config_url right?" };

static const struct status *find_status(long status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].status == status)
			return &statuses[i];
	return status >= 500 ? &broken : status >= 300 && status < 400 ? &redirected : &other;
}

int http_fault_status(struct arena *a, const struct http_request *q, long status,
		      const char **ret_words)
{
	const struct status *s = find_status(status);
	const char *words = q->plain ? s->config : q->body ? s->put : NULL;

	*ret_words = arena_printf(a, "HTTP %ld: %s", status, words ? words : s->get);
	return s->error;
}
