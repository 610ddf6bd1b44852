#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "firstboot/seed_read.h"
#include "keys/key.h"

#define PEM "PRIVATE KEY-----"

static const struct {
	const char *name; /* without '_' and '-', lower case */
	const char *words;
} secrets[] = {
	{ "privatekey", "a private key in user-data, which everybody who can ask the metadata "
			"service can read: take it out, and the node makes its own; "
			"privateKeyFile says where" },
	{ "presharedkey", "a preshared key in user-data, which everybody who can ask the "
			  "metadata service can read: take it out, and put it into a file that "
			  "presharedKeyFile names; the exchange can make one" },
};

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whatever stands before it: wgPrivateKey, private_key and the like are names for it, too. */
static bool ends_in(const char *name, size_t len, const char *plain)
{
	size_t left = strlen(plain);

	while (left && len) {
		char c = name[--len];

		if (c == '_' || c == '-')
			continue;
		if (tolower((unsigned char)c) != plain[--left])
			return false;
	}
	return left == 0;
}

/* What to say of a value under this name; NULL: nothing. */
static const char *words_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		if (ends_in(name, len, secrets[i].name))
			return secrets[i].words;
	return NULL;
}

static size_t skip_blanks(const char *c, const char *end)
{
	const char *begin = c;

	while (c < end && (*c == ' ' || *c == '\t'))
		c++;
	return (size_t)(c - begin);
}

/* Does what follows a name give it a value, in this line? In a comment only what has a key's
 * form is one. */
static bool gives_value(const char *c, const char *end, bool comment)
{
	static const char *const nothing[] = { "\"\"", "''", "~", "null" };
	char key[KEY_STRLEN] = "";
	struct key k;
	bool is_key;
	size_t n;

	if (c < end && (*c == '"' || *c == '\''))
		c++;
	c += skip_blanks(c, end);
	if (c == end || (*c != ':' && *c != '='))
		return false;
	c++;
	c += skip_blanks(c, end);
	if (c == end || strchr("#,}\r\n", *c))
		return false;
	if (comment) {
		c += *c == '"' || *c == '\'';
		if ((size_t)(end - c) < KEY_STRLEN - 1)
			return false;
		memcpy(key, c, KEY_STRLEN - 1);
		is_key = key_parse(key, &k) == 0;
		key_wipe(&k);
		sodium_memzero(key, sizeof(key));
		return is_key;
	}
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		n = strlen(nothing[i]);
		if ((size_t)(end - c) >= n && memcmp(c, nothing[i], n) == 0 &&
		    ((size_t)(end - c) == n || strchr(" \t\r\n,}#", c[n])))
			return false;
	}
	return true;
}

static struct mark mark_at(const struct seed_text *t, int line, const char *from, const char *c)
{
	struct mark at = { t->file, line, 1 };

	for (; from < c; from++)
		at.column += ((unsigned char)*from & 0xc0) != 0x80;
	return at;
}

static bool refuse_in_line(struct diag *d, const struct seed_text *t, int line,
			   const char *begin, const char *end)
{
	const char *pem = memmem(begin, (size_t)(end - begin), PEM, strlen(PEM));
	bool found = pem != NULL, comment = false;

	if (pem)
		diag_error(d, mark_at(t, line, begin, pem), "%s", secrets[0].words);
	for (const char *c = begin, *name; c < end; c++) {
		const char *words;

		comment |= *c == '#' && (c == begin || c[-1] == ' ' || c[-1] == '\t');
		if (!is_name(*c))
			continue;
		for (name = c; c < end && is_name(*c); c++)
			;
		words = words_of(name, (size_t)(c - name));
		if (words && gives_value(c, end, comment)) {
			diag_error(d, mark_at(t, line, begin, name), "%s", words);
			found = true;
		}
		c--;
	}
	return found;
}

bool seed_refuse_secrets(struct diag *d, const struct seed_text *t)
{
	const char *end = t->bytes + t->len, *begin = t->bytes;
	bool found = false;

	for (int line = 1; begin < end; line++) {
		const char *stop = memchr(begin, '\n', (size_t)(end - begin));

		stop = stop ? stop : end;
		found |= refuse_in_line(d, t, line, begin, stop);
		begin = stop < end ? stop + 1 : end;
	}
	return found;
}

/* A value that the lines do not show: in the next one, or under a name in escapes. */
static bool holds_value(const struct node *n)
{
	if (n->type != NODE_SCALAR)
		return n->child != NULL;
	return *n->text && !node_is_null(n);
}

bool seed_refuse_secret_nodes(struct diag *d, const struct node *n)
{
	const char *words = n->key ? words_of(n->key, strlen(n->key)) : NULL;
	bool found = words && holds_value(n);

	if (found)
		diag_error(d, n->key_mark, "%s", words);
	if (!found && n->type == NODE_SCALAR && strstr(n->text, PEM)) {
		diag_error(d, n->mark, "%s", secrets[0].words);
		found = true;
	}
	for (const struct node *c = n->child; c; c = c->next)
		found |= seed_refuse_secret_nodes(d, c);
	return found;
}
