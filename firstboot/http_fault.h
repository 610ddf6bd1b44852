/* http_fault.h - what went wrong with a request, in words that say what to do. For http.c. */
#pragma once

#include <curl/curl.h>

#include "firstboot/http.h"

/* Both return -EAGAIN when it may go better later, or another -errno. */
int http_fault_status(struct arena *a, const struct http_request *q, long status,
		      const char **ret_words);
/* said: CURLOPT_ERRORBUFFER's. */
int http_fault_transfer(struct arena *a, const struct http_request *q, CURL *curl,
			CURLcode code, const char *said, const char **ret_words);
