#include "firstboot/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clean.h"

#define BACKOFF_FIRST 250   /* ms */
#define BACKOFF_MOST  5000  /* ms */
#define SLOW_BYTES    100   /* a second, ... */
#define SLOW_TIME     10    /* s: slower for so long is as good as dead */
#define ETAG_MAX      256   /* bytes */
#define DATE_MAX      64    /* bytes */
#define ASKED_MOST    86400 /* s of a Retry-After: keeps sums small */

struct transfer {
	const struct http_request *q;
	struct arena *arena;
	CURL *curl;
	char *body;
	size_t len, max;
	bool too_long, unchanged;
	long long asked; /* s: Retry-After */
	char etag[ETAG_MAX], modified[DATE_MAX];
	char said[CURL_ERROR_SIZE];
	const char *words;
};

static void end_curl(CURL **c)
{
	curl_easy_cleanup(*c);
}

static void end_list(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

/* ---- what libcurl calls ----------------------------------------------------------------- */

static size_t on_body(const char *bytes, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	(void)one; /* CURLOPT_WRITEFUNCTION(3): always 1 */
	t->too_long = n > t->max - t->len;
	if (t->too_long)
		return 0;
	memcpy(t->body + t->len, bytes, n);
	t->len += n;
	return n;
}

/* The value of a header of that name; "" when it is longer than fits, or not plain text. */
static void keep_value(const char *line, size_t n, const char *name, char *ret, size_t room)
{
	size_t lead = strlen(name);

	if (n < lead || strncasecmp(line, name, lead) != 0)
		return;
	for (line += lead, n -= lead; n && *line == ' '; n--)
		line++;
	while (n && strchr("\r\n ", line[n - 1]))
		n--;
	*ret = '\0';
	if (n >= room)
		return;
	for (size_t i = 0; i < n; i++)
		if (line[i] < ' ' || line[i] > '~')
			return;
	memcpy(ret, line, n);
	ret[n] = '\0';
}

static size_t on_header(const char *line, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	(void)one;
	keep_value(line, n, "etag:", t->etag, sizeof(t->etag));
	keep_value(line, n, "last-modified:", t->modified, sizeof(t->modified));
	return n;
}

/* ---- one try ---------------------------------------------------------------------------- */

static void add_header(struct curl_slist **list, const char *line)
{
	*list = must(curl_slist_append(*list, line));
}

static struct curl_slist *make_headers(const struct transfer *t)
{
	const struct http_request *q = t->q;
	struct curl_slist *list = NULL;

	add_header(&list, "Expect:"); /* nobody is to wait for a 100 Continue */
	if (q->body)
		add_header(&list, arena_printf(t->arena, "Content-Type: %s", q->type));
	if (q->body && http_url_is_azure(q->url))
		add_header(&list, "x-ms-blob-type: BlockBlob");
	if (!q->body && q->etag)
		add_header(&list, arena_printf(t->arena, "If-None-Match: %s", q->etag));
	if (!q->body && q->modified)
		add_header(&list, arena_printf(t->arena, "If-Modified-Since: %s", q->modified));
	return list;
}

#define SET(option, value) bad |= curl_easy_setopt(c, option, value) != CURLE_OK

/* What must hold whatever is asked. */
static bool set_limits(CURL *c, size_t max, long long left)
{
	bool bad = false;

	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT);
	SET(CURLOPT_TIMEOUT_MS,
	    (long)(left < HTTP_TRANSFER * 1000 ? left : HTTP_TRANSFER * 1000));
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, (long)SLOW_TIME);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
	return !bad;
}

static bool set_request(struct transfer *t, struct curl_slist *headers)
{
	const struct http_request *q = t->q;
	CURL *c = t->curl;
	bool bad = false;

	SET(CURLOPT_URL, q->url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_ERRORBUFFER, t->said);
	SET(CURLOPT_USERAGENT, "routerd/" VERSION);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	if (q->ca_file) {
		SET(CURLOPT_CAINFO, q->ca_file);
		SET(CURLOPT_CAPATH, NULL); /* Debian's libcurl has one besides */
	}
	if (q->body) {
		SET(CURLOPT_POSTFIELDS, q->body);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->len);
		SET(CURLOPT_CUSTOMREQUEST, "PUT");
	}
	return !bad;
}

/* ---- what came of it -------------------------------------------------------------------- */

static const char *method(const struct transfer *t)
{
	return t->q->body ? "PUT" : "GET";
}

/* Numbers: openssl/x509_vfy.h. libcurl compares the host itself and leaves 0 or 1 then. */
static const char *certificate_fault(const struct transfer *t)
{
	static const struct {
		long number;
		const char *words;
	} faults[] = {
		{ 9, "is not valid yet: check this machine's clock (timedatectl)" },
		{ 10, "has expired: check this machine's clock (timedatectl); if that is "
		      "right, the server needs a new one" },
		{ 18, "is signed by itself: name it in caFile if it is known to be right" },
		{ 19, "is from a CA that is not trusted here: name that in caFile if it is "
		      "known to be right" },
		{ 20, "is from a CA that is not known here: install ca-certificates, or name "
		      "the CA in caFile" },
		{ 0, "is for another host: is the URL right?" },
		{ 1, "is for another host: is the URL right?" },
	};
	long number = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_SSL_VERIFYRESULT, &number);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].number == number)
			return arena_printf(t->arena, "the server's certificate %s",
					    faults[i].words);
	return arena_printf(t->arena, "the server's certificate is not accepted: %s", t->said);
}

/* Whether it ended before TLS stood, so that nothing was asked yet. */
static bool is_unconnected(const struct transfer *t)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_APPCONNECT_TIME_T, &us);
	return us == 0;
}

static int timeout_fault(struct transfer *t)
{
	bool again = is_unconnected(t);

	t->words = again ? "no connection in time: is the way there open (firewall, proxy)?"
			 : "too slow: the transfer did not end in time";
	return again ? -EAGAIN : -ETIMEDOUT;
}

static int too_long_fault(struct transfer *t)
{
	t->words = arena_printf(t->arena,
				"the reply is larger than %zu bytes, which no document of "
				"ours is: is the URL right?",
				t->max);
	return -EFBIG;
}

static int transfer_fault(struct transfer *t, CURLcode code)
{
	static const struct {
		CURLcode code;
		int error; /* -EAGAIN: try again */
		const char *words;
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
		{ CURLE_SSL_CACERT_BADFILE, -ENOENT,
		  "caFile cannot be read, or holds no certificate" },
		{ CURLE_PARTIAL_FILE, -EPROTO, "the reply was cut short" },
		{ CURLE_RECV_ERROR, -EPROTO, "the connection was cut before the reply's end" },
		{ CURLE_GOT_NOTHING, -EPROTO, "the server closed without a reply" },
	};

	if (t->too_long || code == CURLE_FILESIZE_EXCEEDED)
		return too_long_fault(t);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timeout_fault(t);
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		t->words = certificate_fault(t);
		return -EACCES;
	}
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].code == code) {
			t->words = faults[i].words;
			return faults[i].error;
		}
	t->words = arena_printf(t->arena, "%s", *t->said ? t->said : curl_easy_strerror(code));
	return -EPROTO;
}

static int status_fault(struct transfer *t, long status)
{
	static const struct {
		long status;
		int error;
		const char *get, *put; /* NULL: the same */
	} faults[] = {
		{ 304, -EPROTO, "unchanged, it says, and was not asked that", NULL },
		{ 400, -EPROTO,
		  "the request is not understood: the URL is cut off or expired, or was made "
		  "for other headers: make a new one",
		  NULL },
		{ 401, -EACCES,
		  "the server asks for a login: the pre-signed URL is cut off or expired: "
		  "make a new one",
		  NULL },
		{ 403, -EACCES,
		  "refused: the pre-signed URL has probably expired, or was not made for GET: "
		  "make a new one",
		  "refused: the pre-signed URL has probably expired, or was not made for PUT: "
		  "make a new one" },
		{ 404, -ENOENT,
		  "nothing is there: the other side has not published yet, or the URL names "
		  "another object",
		  "no such place: does the bucket still exist, is the URL right?" },
		{ 412, -EPROTO,
		  "a condition that is part of the URL does not hold: make one without "
		  "conditions",
		  "a condition that is part of the URL does not hold, as that nothing is "
		  "there yet: make one without conditions" },
		{ 408, -EAGAIN, "the server waited too long for the request", NULL },
		{ 429, -EAGAIN, "too many requests: the server asks for patience", NULL },
	};
	const char *words = "not what was expected: is the URL right?";
	int error = -EPROTO;

	if (status >= 300 && status < 400)
		words = "it redirects, which is not followed: a pre-signed URL does not; use "
			"the one that it leads to";
	if (status >= 500) {
		words = "the server has a fault of its own";
		error = -EAGAIN;
	}
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].status == status) {
			words = t->q->body && faults[i].put ? faults[i].put : faults[i].get;
			error = faults[i].error;
		}
	t->words = arena_printf(t->arena, "HTTP %ld: %s", status, words);
	return error;
}

static bool is_success(const struct transfer *t, long status)
{
	if (t->q->body)
		return status >= 200 && status < 300;
	return status == 200 || (status == 304 && (t->q->etag || t->q->modified));
}

/* 0, or -EAGAIN when it may go better later, or another -errno. */
static int try_once(struct transfer *t, long long left)
{
	CLEAN(end_curl) CURL *c = must(curl_easy_init());
	CLEAN(end_list) struct curl_slist *headers = make_headers(t);
	curl_off_t asked = 0;
	long status = 0;
	CURLcode code;

	t->curl = c;
	t->len = 0;
	t->asked = 0;
	t->too_long = false;
	*t->said = *t->etag = *t->modified = '\0';
	if (!set_limits(c, t->max, left) || !set_request(t, headers)) {
		t->words = "this libcurl lacks what is needed: 7.85 or later, with TLS";
		return -ENOSYS;
	}
	code = curl_easy_perform(c);
	if (code != CURLE_OK)
		return transfer_fault(t, code);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &asked);
	t->asked = asked < ASKED_MOST ? asked : ASKED_MOST;
	t->unchanged = status == 304;
	return is_success(t, status) ? 0 : status_fault(t, status);
}

/* ---- all tries -------------------------------------------------------------------------- */

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000; /* ms */
}

static void pause_for(long long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Returns ms: with jitter, so that those who failed together do not come back together. */
static long long next_wait(long long backoff, long long asked)
{
	long long wait = backoff + randombytes_uniform((uint32_t)(backoff / 2));

	return wait > asked ? wait : asked;
}

/* 0 when there is time for another try, after having waited for it. */
static int wait_for_next(struct transfer *t, long long backoff, long long end)
{
	long long wait = next_wait(backoff, t->asked * 1000);

	if (now() + wait < end) {
		pause_for(wait);
		return 0;
	}
	if (t->asked)
		t->words = arena_printf(t->arena, "%s; it asks to be left alone for %lld s",
					t->words, t->asked);
	return -EAGAIN;
}

/* As try_once(); but a try that the deadline cut short says less than what was before it. */
static int try_until(struct transfer *t, long long end)
{
	const char *before = t->words;
	int r = try_once(t, end > now() ? end - now() : 1);

	if (r == 0 || !before || now() < end)
		return r;
	t->words = before;
	return -EAGAIN;
}

static int run(struct transfer *t, long long begin, long long end)
{
	long long backoff = BACKOFF_FIRST;
	int r = try_until(t, end);

	for (unsigned tries = 1; r == -EAGAIN; tries++) {
		if (wait_for_next(t, backoff, end) < 0) {
			t->words = arena_printf(t->arena, "%s (tries: %u in %lld s)", t->words,
						tries, (now() - begin) / 1000);
			break;
		}
		backoff = backoff * 2 < BACKOFF_MOST ? backoff * 2 : BACKOFF_MOST;
		r = try_until(t, end);
	}
	return r;
}

int http_run(struct arena *a, const struct http_request *q, struct http_reply *ret,
	     const char **ret_words)
{
	struct transfer t = { .q = q, .arena = a, .max = q->max ? q->max : HTTP_BYTES };
	long long begin = now(), deadline = q->deadline ? q->deadline : HTTP_DEADLINE;
	const char *fault = http_url_fault(a, q->url);
	int r;

	if (fault) {
		*ret_words = fault;
		return -EINVAL;
	}
	t.body = arena_alloc(a, t.max + 1);
	r = run(&t, begin, begin + deadline * 1000);
	if (r < 0) {
		*ret_words =
		    arena_printf(a, "%s %s: %s", method(&t), http_show_url(a, q->url), t.words);
		return r;
	}
	t.body[t.len] = '\0';
	*ret = (struct http_reply){
		.unchanged = t.unchanged,
		.body = t.body,
		.len = t.len,
		.etag = *t.etag ? arena_strndup(a, t.etag, ETAG_MAX) : NULL,
		.modified = *t.modified ? arena_strndup(a, t.modified, DATE_MAX) : NULL,
	};
	return 0;
}
