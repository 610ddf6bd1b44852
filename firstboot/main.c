#include <stdio.h>

int main(void)
{
	puts("routerd-firstboot " VERSION);
	return 0;
}
