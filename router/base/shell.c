#include "base/shell.h"

#include <string.h>

#include "base/out.h"

const char *shell_quote(struct arena *a, const char *word)
{
	char *text, *to;

	if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_./:@%+=,-") == strlen(word))
		return word;
	text = to = arena_alloc(a, strlen(word) * 4 + 3);
	*to++ = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			to = stpcpy(to, "'\\'");
		*to++ = *word;
	}
	*to = '\'';
	return text;
}

bool shell_is_plain(const char *text)
{
	while (*text && !out_hidden(text))
		text++;
	return !*text;
}
