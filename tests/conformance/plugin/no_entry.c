/* no_entry.c - a shared object that is no plugin. */
int not_an_entry(void);

int
not_an_entry(void)
{
    return 1;
}
