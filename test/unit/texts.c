#include <string.h>

#include "base/texts.h"
#include "t.h"

int main(void)
{
	const char *list[] = { "pve", "azure", "pve", "aws", "azure", "" };
	static const char *const want[] = { "", "aws", "azure", "pve" };
	size_t n = texts_sort(list, 6);

	CHECK(n == 4, "%zu", n);
	for (size_t i = 0; i < 4; i++)
		CHECK(strcmp(list[i], want[i]) == 0, "%zu is '%s'", i, list[i]);
	for (size_t i = 0; i < 4; i++)
		CHECK(texts_have(list, n, want[i]), "%s", want[i]);
	CHECK(!texts_have(list, n, "pv"), "pv");
	CHECK(!texts_have(list, n, "oci"), "oci");
	CHECK(texts_sort(list, 0) == 0 && !texts_have(list, 0, "pve"), "none");
	return t_failed;
}
