#include "firstboot/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "base/clock.h"
#include "firstboot/http_fault.h"

#define BACKOFF_FIRST 250   /* ms */
#define EARLY	      50    /* ms by which libcurl may find that time is over before we do */
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
	if (q->body && http_url_is_azure(t->arena, q->url))
		add_header(&list, "x-ms-blob-type: BlockBlob");
	if (!q->body && q->etag)
		add_header(&list, arena_printf(t->arena, "If-None-Match: %s", q->etag));
	if (!q->body && q->modified)
		add_header(&list, arena_printf(t->arena, "If-Modified-Since: %s", q->modified));
	return list;
}

#define SET(option, value) bad |= curl_easy_setopt(c, option, value) != CURLE_OK

/* What must hold whatever is asked. */
static bool set_limits(CURL *c, const struct http_request *q, size_t max, long long left)
{
	bool bad = false;

	SET(CURLOPT_PROTOCOLS_STR, q->plain ? "http,https" : "https");
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

static bool is_success(const struct transfer *t, long status)
{
	if (t->q->body)
		return status >= 200 && status < 300;
	return status == 200 || (status == 304 && (t->q->etag || t->q->modified));
}

static int fault(struct transfer *t, CURLcode code)
{
	if (t->too_long)
		code = CURLE_FILESIZE_EXCEEDED;
	return http_fault_transfer(t->arena, t->q, t->curl, code, t->said, &t->words);
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
	if (!set_limits(c, t->q, t->max, left) || !set_request(t, headers)) {
		t->words = "this libcurl lacks what is needed: 7.85 or later, with TLS";
		return -ENOSYS;
	}
	code = curl_easy_perform(c);
	if (code != CURLE_OK)
		return fault(t, code);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &asked);
	t->asked = asked < ASKED_MOST ? asked : ASKED_MOST;
	t->unchanged = status == 304;
	return is_success(t, status) ? 0 : http_fault_status(t->arena, t->q, status, &t->words);
}

/* ---- all tries -------------------------------------------------------------------------- */

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

	if (clock_ms() + wait < end) {
		clock_sleep(wait);
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
	int r = try_once(t, end > clock_ms() ? end - clock_ms() : 1);

	if (r == 0 || !before || clock_ms() < end - EARLY)
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
						tries, (clock_ms() - begin) / 1000);
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
	long long begin = clock_ms(), deadline = q->deadline ? q->deadline : HTTP_DEADLINE;
	const char *wrong =
	    q->plain ? http_config_url_fault(a, q->url) : http_url_fault(a, q->url);
	int r;

	if (wrong) {
		*ret_words = wrong;
		return -EINVAL;
	}
	t.body = arena_alloc(a, t.max + 1);
	r = run(&t, begin, begin + deadline * 1000);
	if (r < 0) {
		*ret_words = arena_printf(a, "%s %s: %s", q->body ? "PUT" : "GET",
					  http_show_url(a, q->url), t.words);
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
