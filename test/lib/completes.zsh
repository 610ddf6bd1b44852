# completes.zsh FOLDER DIR LINE...: each line as zsh has it after a tab, with FOLDER's functions; what
# zsh keeps goes into DIR.
zmodload zsh/zpty
folder=$1 dir=$2
shift 2

typed() { # typed LINE
	local text
	zpty -b shell "ZDOTDIR=$dir TERM=dumb zsh -f -i 2>&1"
	zpty -w shell "PS1=; unsetopt zle_bracketed_paste; fpath=($folder \$fpath); autoload -U compinit"
	zpty -w shell "compinit -u -d $dir/dump; bindkey '^I' complete-word; shown() { print -r -- \"<\$BUFFER>\" >>$dir/lines; BUFFER= }"
	zpty -w shell "zle -N shown; bindkey '^X' shown; print -r -- ready >>$dir/lines"
	repeat 200; do
		[[ -s $dir/lines ]] && break
		sleep 0.05
	done
	zpty -n -w shell "$1"$'\t'
	sleep 0.2
	zpty -n -w shell $'\x18'
	repeat 200; do
		[[ $(<$dir/lines) == *'>' ]] && break
		zpty -r -t shell text
		sleep 0.05
	done
	zpty -d shell
	sed -n 's/^<\(.*[^ ]\) *>$/\1/p' $dir/lines
	rm -f $dir/lines
}

for line; do
	typed $line
done
