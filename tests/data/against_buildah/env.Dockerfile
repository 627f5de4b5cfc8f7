FROM scratch
ENV A=1 B="two words" C=it\ is D='$A' E="$A" F=$A-$B
ENV G=${A:+x}${N:-def}${N:+no} H=${A}${A}
ENV OLD the rest of it
ENV A=2 E2=$A
